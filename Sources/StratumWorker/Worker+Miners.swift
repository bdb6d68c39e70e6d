internal import EventLoop
internal import StratumSession
internal import Telemetry

// Miners' connections: who comes in, who has to go, and how much of each is read in a turn of the loop.

extension Worker {
    func accepted(_ connection: MinerConnection) {
        // One that has been reset meanwhile has no address.
        guard connection.peer != nil else { return connection.close() }
        let isBalancer = balancers.include(connection)
        guard isBalancer || admit(connection, from: connection.peer?.host) else { return connection.reset() }
        if waiting.count >= WaitingMiners.countMax { dismissOldest() }
        guard hasDescriptors(for: 1) || dismissOldest() else {
            hasNoRoom()
            return connection.reset()
        }
        guard stopDeadline == nil, let id = shard.nextMinerID else { return connection.reset() }
        note(descriptor: connection.descriptor)
        connection.awaitsHeader = isBalancer
        take(isBalancer ? .balancerConnected(id) : .minerConnected(id), connection.peer?.host ?? "")
        enter(connection, as: id)
        waiting.append(id)
        arrived(connection)
    }

    /// Closes the connection that has waited longest without logging in.
    /// - Returns: false when there is none.
    @discardableResult
    private func dismissOldest() -> Bool {
        guard let id = waiting.takeOldest(at: now, waitingSince: { [unowned self] in shard.waitingSince($0) }),
            let connection = miner(id)
        else { return false }
        closed.count(.noRoom)
        news.dismissed(address(of: id))
        connection.reset()
        drop(connection)
        return true
    }

    /// Whether descriptors are left for this many connections more.
    func hasDescriptors(for more: Int) -> Bool {
        budget.hasRoom(miners: shard.connections + departures.count + more - 1, pools: pools.count)
    }

    func enter(_ connection: MinerConnection, as id: MinerID) {
        connection.id = id
        let row = Int(id.index)
        while miners.count <= row { miners.append(nil) }
        miners[row] = connection
    }

    /// Whether miners connect there.
    func isListening(on address: SocketAddress) -> Bool { ports.contains(address.port) }

    func hasNoRoom() {
        closed.count(.noRoom)
        news.noRoom(miners: shard.connections, descriptors: DescriptorLimit.current)
    }

    func ended(_ connection: MinerConnection) {
        drop(connection)
        perform()
    }

    /// All miners together may not leave more unread than this: then those go that have left the most.
    private static let unsentBytesMax = 32 * 1024 * 1024

    func boundUnsentBytes() {
        guard hasUnsentBytes else { return }
        var behind = miners.compactMap { connection in
            connection.flatMap { $0.queuedBytes > 0 ? (connection: $0, bytes: $0.queuedBytes) : nil }
        }
        hasUnsentBytes = !behind.isEmpty
        gate?.tellUnsent(behind.lazy.map { ($0.connection.source, $0.bytes) })
        var sum = behind.reduce(0) { $0 + $1.bytes }
        guard sum > Worker.unsentBytesMax else { return }
        behind.sort { $0.bytes > $1.bytes }
        for (connection, bytes) in behind {
            guard sum > Worker.unsentBytesMax else { break }
            sum -= bytes
            dropUnread(connection)
        }
        perform()
    }

    /// A connection has had its part of this turn; the rest waits in the kernel.
    func yield(_ connection: MinerConnection) { yielded.append(connection) }

    func readOn() {
        guard !yielded.isEmpty else { return }
        for connection in yielded { connection.readOn() }
        yielded.removeAll(keepingCapacity: true)
    }

    func miner(_ id: MinerID) -> MinerConnection? {
        let row = Int(id.index)
        guard row < miners.count, let connection = miners[row], connection.id == id else { return nil }
        return connection
    }

    /// The connection is broken or hopeless.
    func drop(_ connection: MinerConnection) {
        take(.minerClosed(connection.id))
        forget(connection)
        connection.close()
    }

    /// It does not read. Half a line may be in the kernel: that must not arrive as if it were whole.
    func dropUnread(_ connection: MinerConnection) {
        closed.count(.unread)
        news.overflowed(address(of: connection.id))
        connection.reset()
        drop(connection)
    }

    func forget(_ connection: MinerConnection) {
        let row = Int(connection.id.index)
        if row < miners.count, miners[row] === connection { miners[row] = nil }
        countDeparture(of: connection)
    }
}
