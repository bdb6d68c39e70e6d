internal import Control
internal import EventLoop
internal import Glibc

/// Serves the control socket on the supervisor's loop. Connections, bytes and time are limited, so that no client can
/// block the service. A client that exceeds a limit is disconnected.
final class ControlServer {
    /// Enough for an operator's commands and the gateway's threads, twice.
    static let connectionsMax = 32
    /// Time for a client to send its request, and again to read the reply. Both ends are on the same machine.
    static let patienceMillis: UInt64 = 5_000

    private let loop: Loop
    private let path: String
    private let answer: (ControlRequest) -> ControlReply
    private var listener: LocalListener?
    private var connections: [ObjectIdentifier: ControlConnection] = [:]

    /// - Parameters:
    ///   - runDirectory: contains no earlier socket.
    ///   - answer: called on the loop; must not block.
    init(
        on loop: Loop, runDirectory: String, answer: @escaping (ControlRequest) -> ControlReply
    ) throws(SystemFailure) {
        self.loop = loop
        self.answer = answer
        path = runDirectory + "/" + ControlLine.socketName
        try listen()
    }

    private func listen() throws(SystemFailure) {
        listener = try LocalListener(on: loop, path: path, mode: 0o600) { [unowned self] in accept($0) }
    }

    /// Creates the socket again if it was removed. Open connections continue.
    /// - Returns: true if it was created.
    func mend() throws(SystemFailure) -> Bool {
        if listener?.isAtItsPath == true { return false }
        listener?.close()
        listener = nil
        try listen()
        return true
    }

    /// Removes the socket and closes all connections.
    func close() {
        listener?.close()
        listener = nil
        for connection in connections.values { connection.leave() }
        connections = [:]
    }

    private func accept(_ descriptor: Int32) {
        guard connections.count < ControlServer.connectionsMax else {
            Glibc.close(descriptor)
            return
        }
        guard let connection = try? ControlConnection(on: loop, descriptor: descriptor, server: self) else { return }
        connections[ObjectIdentifier(connection)] = connection
        connection.begin()
    }

    fileprivate func reply(to request: ControlRequest) -> ControlReply { answer(request) }

    fileprivate func forget(_ connection: ControlConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }
}

/// One request and its reply.
private final class ControlConnection: LocalStream {
    private unowned let server: ControlServer
    private var limit: Timer?
    private var line: [UInt8] = []
    private var isAnswered = false

    init(on loop: Loop, descriptor: Int32, server: ControlServer) throws(SystemFailure) {
        self.server = server
        try super.init(on: loop, descriptor: descriptor)
    }

    func begin() {
        let limit = Timer(on: loop) { [weak self] in self?.leave() }
        limit.unreference()
        limit.start(after: ControlServer.patienceMillis)
        self.limit = limit
        startReading()
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        guard !isAnswered else { return leave() }
        let end = chunk.firstIndex(of: 0x0a)
        line += chunk[..<(end ?? chunk.endIndex)]
        if line.count > ControlLine.bytesMax { return leave() }
        guard end != nil else { return }
        isAnswered = true
        stopReading()
        limit?.start(after: ControlServer.patienceMillis)
        send(reply())
        line = []
    }

    override func didSend() { leave() }

    override func didEnd(_ end: StreamEnd) { leave() }

    func leave() {
        guard !isClosed else { return }
        limit?.close()
        limit = nil
        close()
        server.forget(self)
    }

    private func reply() -> [UInt8] {
        guard let request = ControlLine.request(line) else {
            return refusal("unknown request; the command and the service may be of different versions")
        }
        return ControlLine.encode(server.reply(to: request)) ?? refusal("the answer would be too long")
    }

    private func refusal(_ text: String) -> [UInt8] {
        ControlLine.encode(.refused(ControlRefusal(.invalid, lines: [text]))) ?? []
    }
}
