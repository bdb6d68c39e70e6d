import EventLoop
import PracticeTLS
import Testing

/// Records all events of a stream.
final class RecordingStream: SecureStream {
    /// One for each `didOpen`; empty when it succeeded.
    var openings: [String] = []
    var received: [UInt8] = []
    var ends = 0
    var answers = false

    override func didOpen(_ failure: OpeningFailure?) {
        switch failure {
        case nil: openings.append("")
        case .connection: openings.append("connection")
        case .handshake: openings.append("handshake")
        }
    }

    override func didReceive(plaintext chunk: UnsafeRawBufferPointer) {
        received += chunk
        if answers { _ = write(chunk) }
    }

    override func didFinish() { ends += 1 }

    @discardableResult
    func write(_ bytes: [UInt8]) -> SendOutcome { bytes.withUnsafeBytes { write($0) } }

    /// Sends bytes around TLS.
    func sendRaw(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { send($0) } }
}

/// A server and a client that has begun to connect, on one loop.
final class Meeting {
    let loop: Loop
    private let listener: TCPListener
    let client: RecordingStream
    private let accepted: Accepted
    var server: RecordingStream? { accepted.stream }

    /// Filled by the listener.
    private final class Accepted {
        var stream: RecordingStream?
    }

    init(_ ofServer: Security?, _ ofClient: Security?) throws {
        let loop = try Loop()
        self.loop = loop
        let accepted = Accepted()
        self.accepted = accepted
        let listening = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let address = try ListeningSocket.address(of: listening)
        listener = try TCPListener(on: loop, descriptor: listening) { loop in
            let stream = RecordingStream(on: loop, security: ofServer)
            accepted.stream = stream
            return stream
        }
        client = RecordingStream(on: loop, security: ofClient)
        try client.connect(to: address)
    }

    deinit {
        client.close()
        server?.close()
        listener.close()
        loop.run()
    }

    /// Runs turns until `done`, or records an issue after a while.
    func turn(until done: () -> Bool, _ location: SourceLocation = #_sourceLocation) {
        var isLate = false
        let limit = Timer(on: loop) { isLate = true }
        limit.start(after: 10_000)
        while !done(), !isLate { loop.runOnce() }
        if isLate { Issue.record("nothing happened for too long", sourceLocation: location) }
        limit.close()
    }

    /// Waits until both ends can be used.
    func open(_ location: SourceLocation = #_sourceLocation) {
        turn(until: { client.openings == [""] && server?.openings == [""] }, location)
    }
}

func securedServer(
    _ version: Security.MaxVersion = .tls13, tickets: Int = 2, messagesPerKeyUpdate: Int = 0
) throws -> Security {
    try Security(
        serverWith: nil, maxVersion: version, tickets: tickets, messagesPerKeyUpdate: messagesPerKeyUpdate)
}

func securedClient(
    _ version: Security.MaxVersion = .tls13, fingerprint: String? = nil, messagesPerKeyUpdate: Int = 0
) throws -> Security {
    try Security(
        clientWith: fingerprint, serverName: nil, maxVersion: version, messagesPerKeyUpdate: messagesPerKeyUpdate)
}
