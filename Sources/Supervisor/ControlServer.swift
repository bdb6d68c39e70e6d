internal import Control
internal import EventLoop
internal import Glibc

/// Serves the control socket on the supervisor's loop. Nothing that a client does or leaves undone holds up the service:
/// connections, bytes and time are bounded, and who goes beyond loses its connection.
final class ControlServer {
    /// An operator's commands, the gateway's threads, and as many again.
    static let connectionsMax = 32
    /// From the connection to the whole request, and again until the reply has been read: it is the same machine.
    static let patienceMillis: UInt64 = 5_000

    private let loop: Loop
    private let path: String
    private let answer: (ControlRequest) -> ControlReply
    private var listener: LocalListener?
    private var connections: [ObjectIdentifier: ControlConnection] = [:]

    /// - Parameters:
    ///   - runDirectory: in which no earlier socket is left.
    ///   - answer: called on the loop; shall not block.
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

    /// Makes the socket again when it was removed. Connections that there are go on.
    /// - Returns: whether it was.
    func mend() throws(SystemFailure) -> Bool {
        if listener?.isAtItsPath == true { return false }
        listener?.close()
        listener = nil
        try listen()
        return true
    }

    /// Removes the socket and drops whoever is connected.
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

/// One question and its answer.
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
