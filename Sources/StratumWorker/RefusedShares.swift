internal import StratumProtocol
internal import StratumSession

/// Shares that the proxy itself refused, counted for a line a minute: by reason, and whose they were.
struct RefusedShares {
    /// Seconds that a line reports about. The first share of a reason is told at once, so nothing waits for it.
    static let period = 60
    /// Miners and reasons that are counted one by one within a period. Further ones count in the sums only, so that a
    /// farm that is refused as a whole costs 100 KB, and the line at most a millisecond.
    static let entriesMax = 1_024

    typealias Refusal = MinerReply.Refusal

    struct Summary: Equatable {
        var refused = 0
        var accepted = 0
        /// Most frequent first.
        var reasons: [Reason] = []

        struct Reason: Equatable {
            var refusal: Refusal
            var count: Int
            var miners: [MinerID: Int]
        }
    }

    private struct Entry: Hashable {
        var refusal: Refusal
        var miner: MinerID
    }

    private var counts: [Refusal: Int] = [:]
    private var entries: [Entry: Int] = [:]
    private var accepted = 0
    /// Reasons of this period that were told at once.
    private var told = 0
    /// Reasons of the period before: they are no news.
    private var former: Set<Refusal> = []
    private var seconds = 0

    mutating func countAccepted() { accepted += 1 }

    /// - Returns: whether to tell it at once: the reason has not been seen in this period or the one before.
    mutating func count(_ refusal: Refusal, of miner: MinerID) -> Bool {
        let isFirst = counts[refusal] == nil && !former.contains(refusal)
        counts[refusal, default: 0] += 1
        let entry = Entry(refusal: refusal, miner: miner)
        if entries.count < RefusedShares.entriesMax || entries[entry] != nil { entries[entry, default: 0] += 1 }
        if isFirst { told += 1 }
        return isFirst
    }

    /// To be called once a second.
    /// - Returns: what to tell, at the end of a period in which shares were refused that were not told at once.
    mutating func secondPassed() -> Summary? {
        seconds += 1
        guard seconds >= RefusedShares.period else { return nil }
        var summary = Summary(refused: counts.values.reduce(0, +), accepted: accepted)
        let isTold = summary.refused == told
        for (refusal, count) in counts {
            var miners: [MinerID: Int] = [:]
            for (entry, count) in entries where entry.refusal == refusal { miners[entry.miner] = count }
            summary.reasons.append(Summary.Reason(refusal: refusal, count: count, miners: miners))
        }
        summary.reasons.sort { ($1.count, $0.refusal.text.description) < ($0.count, $1.refusal.text.description) }
        former = Set(counts.keys)
        counts.removeAll(keepingCapacity: true)
        entries.removeAll()
        (accepted, told, seconds) = (0, 0, 0)
        return isTold ? nil : summary
    }
}
