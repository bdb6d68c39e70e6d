internal import EventLoop
internal import StratumProtocol
internal import StratumSession

/// Miners that were disconnected with a reply, and get time to read it.
///
/// Closing a connection with unread input sends a reset, which can discard data that the peer has not read. So the
/// reply is sent, then this side of the stream is shut down, and the connection is closed when the miner closes it or
/// the time is up.
struct LingeringConnections {
    /// Longer than any round trip. A miner that has not closed the connection by then will not do so.
    static let linger = Milliseconds(2_000)

    private var connections: [(connection: MinerConnection, until: Instant)] = []

    /// The number of descriptors that they hold at most.
    var count: Int { connections.count }

    mutating func add(_ connection: MinerConnection, at now: Instant) {
        connection.depart()
        connections.append((connection, now + LingeringConnections.linger))
    }

    /// Adds a connection that cannot be continued, and closes it at `until`. Its miner notices nothing before.
    mutating func add(_ connection: MinerConnection, until: Instant) {
        connection.ignore()
        connections.append((connection, until))
    }

    /// Closes the connections whose time is up.
    mutating func closeDue(at now: Instant) {
        guard !connections.isEmpty else { return }
        connections.removeAll { entry in
            guard now >= entry.until else { return false }
            entry.connection.close()
            return true
        }
    }

    mutating func closeAll() {
        for entry in connections { entry.connection.close() }
        connections.removeAll()
    }
}

extension CloseReason {
    /// Whether a reply told the miner the reason.
    var isExplained: Bool {
        switch self {
        case .permissionDenied, .notNicehashCapable, .noUpstream, .poolRefusedLogin, .banned, .answered,
            .foreign(.http(isHead: _)), .tls(.fault):
            true
        case .loginTimeout, .idleTimeout, .fault, .outOfTurn, .flooding, .memory, .foreign(.tls),
            .foreign(.proxyHeader),
            .proxyHeader, .tls(.required), .tls(.handshakeTimeout), .tls(.alert):
            false
        }
    }
}
