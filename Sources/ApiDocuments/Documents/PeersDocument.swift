internal import Addresses
internal import Peers

extension CurrentDocuments {
    /// Rows without the parameter `limit`: a person cannot read more.
    static let peersShownMax = 1_000

    /// `/1/peers`: the addresses that miners connect from, with their activity and refusals.
    /// - Parameter facts: nil if there is no table.
    package static func peers(of facts: PeerFacts?, list: ListQuery<PeerColumn> = ListQuery()) -> [UInt8] {
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
