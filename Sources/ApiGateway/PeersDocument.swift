internal import Addresses
internal import Peers

/// What the machine's table of addresses says.
struct PeerFacts: Sendable {
    /// Every address that is known, in no order.
    var peers: [PeerReport] = []
    /// Connections refused since the service began, by `PeerRefusal`, and those that a dry run let pass.
    var refused = [UInt64](repeating: 0, count: PeerRefusal.allCases.count)
    var notRefused = [UInt64](repeating: 0, count: PeerRefusal.allCases.count)
    /// Connections of addresses for which the table had no place.
    var untracked: UInt64 = 0

    var banned: Int { peers.count { $0.bannedSeconds > 0 } }

    /// - Parameter now: microseconds of the machine's monotonic clock.
    static func read(_ table: PeerTable, at now: UInt64) -> PeerFacts {
        PeerFacts(
            peers: table.reports(at: now), refused: PeerRefusal.allCases.map { table.refused($0) },
            notRefused: PeerRefusal.allCases.map { table.refused($0, isDry: true) }, untracked: table.untracked)
    }
}

extension CurrentDocuments {
    /// Rows of the document when none are asked for: one cannot read more.
    static let peersShownMax = 1_000

    /// `/1/peers`: the addresses that miners connect from, what they do, and which are refused.
    /// - Parameter facts: nil where there is no table.
    static func peers(of facts: PeerFacts?, list: ListQuery<PeerColumn> = ListQuery()) -> [UInt8] {
        let facts = facts ?? PeerFacts()
        let all = facts.peers.sorted { ($1.connections, $0.network.text) < ($0.connections, $1.network.text) }
        var list = list
        list.limit = list.limit ?? peersShownMax
        let rows = list.selection(from: all)
        var json = JSONWriter(reserving: 1_024 + rows.count * 512)
        json.object {
            $0.array("peers", .onePerLine) {
                for row in rows { $0.object { write(row, into: &$0) } }
            }
            $0.member("total", UInt64(all.count))
            $0.member("banned", UInt64(facts.banned))
            write("refused", facts.refused, into: &$0)
            write("not_refused", facts.notRefused, into: &$0)
            $0.member("untracked", facts.untracked)
        }
        return json.bytes
    }

    private static func write(_ peer: PeerReport, into json: inout JSONWriter) {
        json.member("address", peer.network.text)
        json.member("connections", UInt64(peer.connections))
        json.member("waiting", UInt64(peer.waiting))
        json.member("connects_per_second", Hundredths(UInt64(peer.connects) * 10))
        json.member("logins_per_second", Hundredths(UInt64(peer.logins) * 10))
        json.member("requests_per_second", Hundredths(UInt64(peer.requests) * 10))
        json.member("invalid_ratio", peer.badRatio.map { Hundredths(UInt64(($0 * 100).rounded())) })
        json.member("unsent_bytes", UInt64(peer.unsentBytes))
        write("refused", peer.refusals, into: &json)
        json.member("banned_seconds", peer.bannedSeconds > 0 ? UInt64(peer.bannedSeconds) : nil)
    }

    private static func write(_ key: StaticString, _ refusals: [UInt64], into json: inout JSONWriter) {
        json.object(key) { json in
            for (reason, count) in zip(PeerRefusal.allCases, refusals) { json.member(named: reason.name, count) }
        }
    }
}

/// What `/1/peers` can be sorted by.
enum PeerColumn: String, ListColumn {
    case address, connections, waiting, connects, logins, requests, invalid
    case unsentBytes = "unsent_bytes"
    case refused, banned

    func key(of row: PeerReport) -> SortKey {
        switch self {
        case .address: .text(row.network.text)
        case .connections: .number(UInt64(row.connections))
        case .waiting: .number(UInt64(row.waiting))
        case .connects: .number(UInt64(row.connects))
        case .logins: .number(UInt64(row.logins))
        case .requests: .number(UInt64(row.requests))
        case .invalid: .rate(row.badRatio ?? 0)
        case .unsentBytes: .number(UInt64(row.unsentBytes))
        case .refused: .number(row.refused)
        case .banned: .number(UInt64(row.bannedSeconds))
        }
    }
}
