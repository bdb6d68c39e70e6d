internal import StratumProtocol
internal import StratumSession

/// Counts the shares that the proxy refused, by reason and miner, for one log line a minute.
struct RefusedShares {
    /// The period of a line, in seconds. The first share of a reason is logged at once.
    static let period = 60
    /// Pairs of miner and reason that are counted separately within a period. Further ones are counted only in the
    /// totals, so that a farm whose shares are all refused needs 100 KB, and the line takes at most a millisecond.
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
    /// The number of shares of this period that were logged at once.
    private var told = 0
    /// Reasons of the previous period, which are not logged at once again.
    private var former: Set<Refusal> = []
    private var seconds = 0

    mutating func countAccepted() { accepted += 1 }

    /// - Returns: whether to log the share at once: its reason did not occur in this period or the previous one.
    mutating func count(_ refusal: Refusal, of miner: MinerID) -> Bool {
        let isFirst = counts[refusal] == nil && !former.contains(refusal)
        counts[refusal, default: 0] += 1
        let entry = Entry(refusal: refusal, miner: miner)
        if entries.count < RefusedShares.entriesMax || entries[entry] != nil { entries[entry, default: 0] += 1 }
        if isFirst { told += 1 }
        return isFirst
    }

    /// Called once a second.
    /// - Returns: a summary at the end of a period, unless all its refused shares were logged at once.
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
