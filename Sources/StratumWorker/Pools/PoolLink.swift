internal import EventLoop
internal import StratumSession

/// One connection attempt to a pool, from the lookup of its address to the end of the connection.
final class PoolLink {
    let id: PoolConnectionID
    private unowned let worker: Worker
    private var connection: PoolConnection?
    private var isHungUp = false
    /// What is being dialled; nil once it is connected.
    private var dialled: PoolEndpoint?
    /// The shard seals its records: their mark is stored before they are sent.
    var hasMark = false
    /// Bytes of this turn, sent in one write at its end.
    private var pending: [UInt8] = []

    init(_ id: PoolConnectionID, worker: Worker) {
        self.id = id
        self.worker = worker
    }

    /// Looks the host up and connects to it.
    func dial(_ endpoint: PoolEndpoint) {
        dialled = endpoint
        let (host, port) = endpoint.dialled
        worker.pools.addresses.next(for: host, port: port) { [weak self] in self?.connect($0) }
    }

    /// The lookup has ended.
    private func connect(_ address: Result<SocketAddress, SystemFailure>) {
        guard !isHungUp else { return }
        do throws(SystemFailure) {
            let connection = PoolConnection(on: worker.loop, link: self, endpoint: dialled, worker: worker)
            self.connection = connection
            try connection.connect(to: address.get())
        } catch {
            worker.ended(self, reason: error.description)
        }
    }

    /// Continues a connection of the previous process. The caller calls `startReading` later.
    func adopt(descriptor: Int32) throws(SystemFailure) -> TCPStream {
        let connection = PoolConnection(on: worker.loop, link: self, worker: worker)
        hasMark = worker.shard.mark(of: id) != nil
        self.connection = connection
        try connection.open(descriptor: descriptor)
        connection.keepAlive()
        return connection
    }

    func startReading() { connection?.startReading() }

    func reset() { connection?.reset() }

    /// -1 while there is no connection.
    var descriptor: Int32 { connection?.descriptor ?? -1 }

    /// Bytes that the kernel has not accepted, in order.
    var unsentBytes: [UInt8] { (connection?.unsentBytes ?? []) + pending }

    /// Keeps bytes for the end of the turn.
    /// - Returns: true when they are the first of this turn.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        defer { pending.append(contentsOf: bytes) }
        return pending.isEmpty
    }

    /// Whether the pending bytes should be sent before the end of the turn.
    var isFull: Bool { pending.count >= PoolLink.pendingBytesMax }

    /// Sends the pending bytes.
    /// - Returns: false when the send queue overflowed, because the pool does not read; the connection is then reset.
    func flush() -> Bool {
        guard !pending.isEmpty, !isHungUp, let connection else { return true }
        defer { pending.removeAll(keepingCapacity: pending.capacity <= 2 * PoolLink.pendingBytesMax) }
        guard pending.withUnsafeBytes({ connection.write($0) }) == .overflow else { return true }
        // The kernel may hold part of a line, which must not arrive as a complete one.
        connection.reset()
        return false
    }

    /// About the output of 256 busy miners in one turn.
    private static let pendingBytesMax = 64 * 1024

    /// The dial has succeeded or failed.
    func dialEnded(isConnected: Bool) {
        if !isConnected, let (host, port) = dialled?.dialled { worker.pools.addresses.failed(host, port: port) }
        dialled = nil
    }

    func hangUp() {
        // The last record says that TLS ends in good order.
        if hasMark { _ = flush() }
        isHungUp = true
        dialEnded(isConnected: false)
        connection?.close()
        connection = nil
    }
}
