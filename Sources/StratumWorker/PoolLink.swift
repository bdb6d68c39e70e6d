internal import EventLoop
internal import StratumSession

/// One attempt to talk to a pool: from its address to the end of the connection.
final class PoolLink {
    let id: PoolConnectionID
    private unowned let worker: Worker
    private var connection: PoolConnection?
    private var isHungUp = false
    /// Where it is being reached; nil once the connection is there.
    private var dialled: (host: String, port: UInt16)?
    /// What the turn has gathered; it leaves in one write.
    private var pending: [UInt8] = []

    init(_ id: PoolConnectionID, worker: Worker) {
        self.id = id
        self.worker = worker
    }

    /// Looks the host up and connects to it.
    func dial(_ host: String, port: UInt16) {
        dialled = (host, port)
        worker.addresses.next(for: host, port: port) { [weak self] in self?.connect($0) }
    }

    /// The pool's address is known, or not.
    private func connect(_ address: Result<SocketAddress, SystemFailure>) {
        guard !isHungUp else { return }
        do throws(SystemFailure) {
            let connection = PoolConnection(on: worker.loop, link: self, worker: worker)
            self.connection = connection
            try connection.connect(to: address.get())
        } catch {
            worker.ended(self, reason: error.description)
        }
    }

    /// Goes on with the connection of a predecessor; `startReading` follows.
    func adopt(descriptor: Int32) throws(SystemFailure) -> TCPStream {
        let connection = PoolConnection(on: worker.loop, link: self, worker: worker)
        self.connection = connection
        try connection.open(descriptor: descriptor)
        connection.keepAlive()
        return connection
    }

    func startReading() { connection?.startReading() }

    func reset() { connection?.reset() }

    /// -1 while there is no connection.
    var descriptor: Int32 { connection?.descriptor ?? -1 }

    /// What the kernel has not taken, in order.
    var unsentBytes: [UInt8] { (connection?.unsentBytes ?? []) + pending }

    /// Keeps bytes for the end of the turn.
    /// - Returns: true when they are the first of this turn.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        defer { pending.append(contentsOf: bytes) }
        return pending.isEmpty
    }

    /// So much has been gathered that it should not wait for the end of the turn.
    var isFull: Bool { pending.count >= PoolLink.pendingBytesMax }

    /// Writes what the turn has gathered.
    /// - Returns: false when the pool has not read for so long that it is as good as gone; the connection is then reset.
    func flush() -> Bool {
        guard !pending.isEmpty, !isHungUp, let connection else { return true }
        defer { pending.removeAll(keepingCapacity: pending.capacity <= 2 * PoolLink.pendingBytesMax) }
        guard pending.withUnsafeBytes({ connection.send($0) }) == .overflow else { return true }
        // Half a line may be in the kernel: it must not arrive as if it were whole.
        connection.reset()
        return false
    }

    /// A turn's worth of 256 busy miners.
    private static let pendingBytesMax = 64 * 1024

    /// The attempt is over: with a connection, or without.
    func dialEnded(isConnected: Bool) {
        if !isConnected, let dialled { worker.addresses.failed(dialled.host, port: dialled.port) }
        dialled = nil
    }

    func hangUp() {
        isHungUp = true
        dialEnded(isConnected: false)
        connection?.close()
        connection = nil
    }
}

/// The TCP connection of a link.
final class PoolConnection: TCPStream {
    private let link: PoolLink
    private unowned let worker: Worker

    init(on loop: Loop, link: PoolLink, worker: Worker) {
        self.link = link
        self.worker = worker
        super.init(on: loop)
    }

    /// What may wait for a pool that is slow to read: some 16,000 shares. One that does not read at all has not answered
    /// its oldest share long before that, and is given up for it; one burst of many miners must not look the same.
    override var queueBytesMax: Int { 4 * 1024 * 1024 }

    override func didConnect(_ failure: SystemFailure?) {
        link.dialEnded(isConnected: failure == nil)
        if let failure { return worker.ended(link, reason: failure.description) }
        keepAlive()
        worker.connected(link)
        startReading()
    }

    func keepAlive() { keepAlive(afterSeconds: PoolConnection.keepAliveSeconds) }

    /// docs/COMPATIBILITY.md, "Timers".
    private static let keepAliveSeconds: UInt32 = 60

    override func memoryForReading() -> UnsafeMutableRawBufferPointer {
        worker.room(for: .poolBytes(link.id)) ?? super.memoryForReading()
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        worker.received(chunk, as: .poolBytes(link.id))
    }

    override func didEnd(_ end: StreamEnd) {
        switch end {
        case .endOfStream: worker.ended(link, reason: "closed by the pool")
        case .failure(let failure): worker.ended(link, reason: failure.description)
        }
    }
}
