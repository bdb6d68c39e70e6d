internal import DaemonKit
internal import EventLoop
internal import StratumProtocol
internal import StratumSession
internal import TLSRecords
internal import Telemetry

// Connections of miners that this process closes. They are logged, and counted by reason.

extension Worker {
    /// Closes a miner's connection after the bytes sent before.
    func closeMiner(_ id: MinerID, _ reason: CloseReason) {
        guard let connection = miners[id] else { return }
        // A miner that ends TLS in good order has disconnected.
        if reason != .tls(.alert(.closeNotify)) {
            miners.closed.count(ClosedConnections.Reason(reason))
            news.closed(
                address(of: id), port: connection.local?.port, reason, balancer: connection.peer?.host,
                at: WallClock.milliseconds())
            noteFault(reason, of: connection)
        }
        connection.endStream()
        forget(connection)
        reason.isExplained ? miners.lingering.add(connection, at: now) : connection.close()
    }
}

extension ClosedConnections.Reason {
    init(_ reason: CloseReason) {
        self =
            switch reason {
            case .loginTimeout: .loginTimeout
            case .idleTimeout: .idleTimeout
            case .permissionDenied: .accessPassword
            case .notNicehashCapable: .nonceByte
            case .fault, .answered: .malformed
            case .foreign(.http(isHead: _)): .http
            case .foreign(.tls), .tls: .tls
            case .foreign(.proxyHeader), .proxyHeader: .proxyHeader
            case .outOfTurn: .outOfTurn
            case .noUpstream, .poolRefusedLogin: .noPool
            case .flooding: .flooding
            case .memory: .memory
            case .banned: .banned
            }
    }
}
