internal import DaemonKit
internal import Logging
internal import Peers

// Connections refused by address (`PeerGate`): one line a minute for each reason.

/// Refusals not logged yet, by reason.
struct RefusedAddresses {
    var counts = [Int](repeating: 0, count: PeerRefusal.allCases.count)
    var hints = [OperatorLog.MinuteThrottle](repeating: OperatorLog.MinuteThrottle(), count: PeerRefusal.allCases.count)
}

extension OperatorLog {
    /// A connection was refused.
    /// - Parameters:
    ///   - address: its address or network.
    ///   - isDry: it was accepted, because of a dry run.
    mutating func refused(
        _ address: String, _ reason: PeerRefusal, _ limits: PeerLimits, isDry: Bool,
        at now: UInt64 = WallClock.milliseconds()
    ) {
        let row = Int(reason.rawValue)
        refusedAddresses.counts[row] += 1
        guard refusedAddresses.hints[row].isDue(at: now) else { return }
        let connections = counted(refusedAddresses.counts[row], "connection")
        log.warning(
            "\(isDry ? "dry run, not " : "")refused \(connections), the latest of \(address): \(OperatorLog.text(reason, limits))"
        )
        refusedAddresses.counts[row] = 0
    }

    /// An address was banned.
    mutating func banned(_ address: String, seconds: Int, faults: Int) {
        guard bans.mayTell() else { return }
        log.warning(
            """
            banned \(address) for \(counted((seconds + 59) / 60, "minute")): more than \
            \(counted(faults, "protocol fault")) within a minute and no accepted share; to lift the ban: millrace \
            unban \(address)
            """)
    }

    private static func text(_ reason: PeerRefusal, _ limits: PeerLimits) -> String {
        switch reason {
        case .denied: "it is on the deny list"
        case .banned: "it is banned (millrace bans)"
        case .connections: "it has \(counted(limits.connections, "connection")) (millrace.limits.connections)"
        case .waiting:
            "\(counted(limits.waiting, "connection")) of it are waiting to log in (millrace.limits.waiting)"
        case .logins: "more than \(counted(limits.logins, "login")) a second (millrace.limits.logins)"
        }
    }
}
