internal import ApiDocuments
internal import Peers

extension PeerFacts {
    /// The contents of the table.
    /// - Parameter now: microseconds of the machine's monotonic clock.
    static func read(_ table: PeerTable, at now: UInt64) -> PeerFacts {
        var facts = PeerFacts()
        facts.peers = table.reports(at: now)
        facts.refused = PeerRefusal.allCases.map { table.refused($0) }
        facts.notRefused = PeerRefusal.allCases.map { table.refused($0, isDry: true) }
        facts.untracked = table.untracked
        return facts
    }
}
