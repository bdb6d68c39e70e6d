internal import EventLoop
internal import StratumProtocol
internal import StratumSession

/// Miners that were sent away with a word of explanation, and get the time to read it.
///
/// A connection that is closed with input unread ends in a reset, and a reset overtakes what the peer has not read: so
/// the reply goes out, then our end of the stream, and the rest is closed when the miner has hung up or time is up.
struct LingeringConnections {
    /// A round trip around the world and some. Whoever has not hung up by then does not mean to.
    static let linger = Milliseconds(2_000)

    private var connections: [(connection: MinerConnection, until: Instant)] = []

    /// How many descriptors they hold at most.
    var count: Int { connections.count }

    mutating func add(_ connection: MinerConnection, at now: Instant) {
        connection.depart()
        connections.append((connection, now + LingeringConnections.linger))
    }

    /// Closes those whose time is up. They stand in its order.
    mutating func closeDue(at now: Instant) {
        let due = connections.prefix { now >= $0.until }
        for entry in due { entry.connection.close() }
        connections.removeFirst(due.count)
    }

    mutating func closeAll() {
        for entry in connections { entry.connection.close() }
        connections.removeAll()
    }
}

extension CloseReason {
    /// Whether the miner has been told why in a reply.
    var isExplained: Bool {
        switch self {
        case .permissionDenied, .notNicehashCapable, .noUpstream, .banned, .answered, .foreign(.http(isHead: _)): true
        case .loginTimeout, .idleTimeout, .fault, .outOfTurn, .flooding, .memory, .foreign(.tls),
            .foreign(.proxyHeader),
            .proxyHeader:
            false
        }
    }
}
