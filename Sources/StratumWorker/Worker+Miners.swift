internal import EventLoop
internal import StratumSession
internal import Telemetry

// Connections of miners: which are accepted, which are closed, and how much is read from each in a turn of the loop.

extension Worker {
    func accepted(_ connection: MinerConnection) {
        // A connection that was reset meanwhile has no address.
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

    /// Closes the connection that has waited longest without a login.
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

    /// Whether descriptors are left for this number of further connections.
    func hasDescriptors(for more: Int) -> Bool {
        budget.hasRoom(miners: shard.connections + departures.count + more - 1, pools: pools.count)
    }

    func enter(_ connection: MinerConnection, as id: MinerID) {
        connection.id = id
        let row = Int(id.index)
        while miners.count <= row { miners.append(nil) }
        miners[row] = connection
    }

    /// Whether the shard listens on the port of this address.
    func isListening(on address: SocketAddress) -> Bool { ports.contains(address.port) }

    func hasNoRoom() {
        closed.count(.noRoom)
        news.noRoom(miners: shard.connections, descriptors: DescriptorLimit.current)
    }

    func ended(_ connection: MinerConnection) {
        drop(connection)
        perform()
    }

    /// The limit for the unread bytes of all miners. Beyond it, the miners with the most unread bytes are disconnected.
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

    /// Leaves the connection's further bytes in the kernel until the next turn.
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

    /// Closes a connection and reports that to the shard.
    func drop(_ connection: MinerConnection) {
        take(.minerClosed(connection.id))
        forget(connection)
        connection.close()
    }

    /// Disconnects a miner that does not read. The kernel may hold part of a line, which must not arrive as a complete
    /// one.
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
