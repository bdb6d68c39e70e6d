import EventLoop
import Testing

extension Loop {
    /// Runs turns until `done`, or records an issue when no more events can come.
    func turn(until done: () -> Bool, _ location: SourceLocation = #_sourceLocation) {
        var isLate = false
        let limit = Timer(on: self) { isLate = true }
        limit.start(after: 10_000)  // much longer than loopback needs, even on a loaded machine
        while !done(), !isLate { runOnce() }
        if isLate { Issue.record("nothing happened for too long", sourceLocation: location) }
        limit.close()
    }

    /// Frees closed handles, so that the loop can be freed.
    func finish() {
        run()
    }
}

/// Records all events of a stream.
final class RecordingStream: TCPStream {
    var connections: [SystemFailure?] = []
    var received: [UInt8] = []
    var chunkSizes: [Int] = []
    var ends: [StreamEnd] = []
    var readsAtOnce = true
    var onReceive: ((RecordingStream) -> Void)?

    override func didConnect(_ failure: SystemFailure?) {
        connections.append(failure)
        if failure == nil, readsAtOnce { startReading() }
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        received += chunk
        chunkSizes.append(chunk.count)
        onReceive?(self)
    }

    override func didEnd(_ end: StreamEnd) {
        ends.append(end)
    }

    @discardableResult
    func send(text: String) -> SendOutcome {
        Array(text.utf8).withUnsafeBytes { send($0) }
    }

    func send(_ bytes: [UInt8]) -> SendOutcome {
        bytes.withUnsafeBytes { send($0) }
    }

    var text: String { String(decoding: received, as: UTF8.self) }
}

/// A listener on a free port of loopback, and a client connected to it.
struct ConnectedPair {
    let loop: Loop
    let listener: TCPListener
    let client: RecordingStream
    let server: RecordingStream

    init(clientReads: Bool = true, serverReads: Bool = true) throws {
        loop = try Loop()
        let descriptor = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let address = try ListeningSocket.address(of: descriptor)
        let accepted = RecordingStream(on: loop)
        accepted.readsAtOnce = serverReads
        server = accepted
        listener = try TCPListener(on: loop, descriptor: descriptor) { _ in accepted }
        let connecting = RecordingStream(on: loop)
        connecting.readsAtOnce = clientReads
        client = connecting
        try connecting.connect(to: address)
        loop.turn(until: { !accepted.connections.isEmpty && !connecting.connections.isEmpty })
    }

    func finish() {
        listener.close()
        client.close()
        server.close()
        loop.finish()
    }
}
