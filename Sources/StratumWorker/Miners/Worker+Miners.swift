internal import EventLoop
internal import StratumSession
internal import Telemetry

// Connections of miners: which are accepted, which are closed, and how much is read from each in a turn of the loop.

extension Worker {
    func accepted(_ connection: MinerConnection) {
        // A connection that was reset meanwhile has no address.
        guard connection.peer != nil else { return connection.close() }
        let terms = listeners.terms.terms(of: connection)
        let isBalancer = terms.contains(.proxyHeader)
        guard isBalancer || admit(connection, from: connection.peer?.host) else { return connection.reset() }
        // Those in a handshake have sent no line, and limits of their own.
        if miners.waiting.count - handshakes.count >= WaitingMiners.countMax { dismissOldest() }
        guard hasDescriptors(for: 1) || dismissOldest() || dismissHello(for: connection) else {
            hasNoRoom()
            return connection.reset()
        }
        guard stopDeadline == nil, let id = shard.nextMinerID else { return connection.reset() }
        note(descriptor: connection.descriptor)
        connection.awaitsHeader = isBalancer
        apply(.minerConnected(id, terms), connection.peer?.host ?? "")
        miners.enter(connection, as: id)
        miners.waiting.append(id)
        arrived(connection)
    }

    /// Closes the connection that has waited longest without a login.
    /// - Returns: false when there is none.
    @discardableResult
    private func dismissOldest() -> Bool {
        guard let id = miners.waiting.takeOldest(at: now, state: { [unowned self] in waiting($0) }),
            let connection = miners[id]
        else { return false }
        miners.closed.count(.noRoom)
        news.dismissed(address(of: id))
        connection.reset()
        drop(connection)
        return true
    }

    /// Closes a connection of the address whose crowd waits for its handshakes, unless it is the newcomer's own.
    private func dismissHello(for newcomer: MinerConnection) -> Bool {
        guard let connection = handshakes.giveWay(to: newcomer.source?.network, at: now) else { return false }
        news.dismissed(address(of: connection.id))
        closeCrowded(connection)
        return true
    }

    /// What a connection without a login does; nil when it has logged in or ended.
    func waiting(_ id: MinerID) -> WaitingMiners.State? {
        guard let since = shard.waitingSince(id) else { return nil }
        return miners[id]?.isInHandshake == true ? .handshake : .login(since: since)
    }

    /// Whether descriptors are left for this number of further connections.
    func hasDescriptors(for more: Int) -> Bool {
        let poolsForEach = shard.needsOneForEach ? min(policy.pools.count, 2) : 0
        return budget.hasRoom(
            miners: shard.connections + miners.lingering.count + more - 1, pools: pools.count,
            poolsForEach: poolsForEach)
    }

    func hasNoRoom() {
        miners.closed.count(.noRoom)
        news.noRoom(miners: shard.connections, descriptors: DescriptorLimit.current)
    }

    func ended(_ connection: MinerConnection) {
        drop(connection)
        perform()
    }

    /// The limit for the unread bytes of all miners. Beyond it, the miners with the most unread bytes are disconnected.
    private static let unsentBytesMax = 32 * 1024 * 1024

    /// Called once a second.
    func boundUnsentBytes() {
        guard var behind = miners.behind() else { return }
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

    /// Closes a connection and reports that to the shard.
    func drop(_ connection: MinerConnection) {
        apply(.minerClosed(connection.id))
        forget(connection)
        connection.close()
    }

    /// Disconnects a miner that does not read. The kernel may hold part of a line, which must not arrive as a complete
    /// one.
    func dropUnread(_ connection: MinerConnection) {
        miners.closed.count(.unread)
        news.overflowed(address(of: connection.id))
        connection.reset()
        drop(connection)
    }

    func forget(_ connection: MinerConnection) {
        miners.remove(connection)
        handshakes.forget(connection)
        countDeparture(of: connection)
    }
}
