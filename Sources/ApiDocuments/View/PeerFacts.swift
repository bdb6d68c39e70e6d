package import Peers

/// The contents of the machine's table of addresses.
package struct PeerFacts: Sendable {
    /// All addresses, in no order.
    package var peers: [PeerReport] = []
    /// Connections refused since the service started, by `PeerRefusal`.
    package var refused = [UInt64](repeating: 0, count: PeerRefusal.allCases.count)
    /// Connections that would have been refused if the limits were not a dry run, by `PeerRefusal`.
    package var notRefused = [UInt64](repeating: 0, count: PeerRefusal.allCases.count)
    /// Connections that were not tracked because the table was full.
    package var untracked: UInt64 = 0

    package init() {}

    /// Addresses that are banned now.
    var banned: Int { peers.count { $0.bannedSeconds > 0 } }
}
