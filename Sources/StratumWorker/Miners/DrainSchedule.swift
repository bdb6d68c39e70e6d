internal import StratumSession

/// The schedule by which a draining shard disconnects its miners. Each has a random moment, so that the reconnecting
/// miners do not reach the other shards all at once.
struct DrainSchedule {
    /// The last part of the time, in which no miner is scheduled. It is left for miners that wait for the answer to a
    /// share.
    static let rest = 0.1

    private let limit: Instant
    /// Latest first.
    private var departures: [(moment: Instant, miner: MinerID)]
    /// Miners whose moment has passed and that wait for an answer.
    private var late: [MinerID] = []

    init(
        _ miners: [MinerID], from now: Instant, withinMillis millis: Int64,
        using chance: inout some RandomNumberGenerator
    ) {
        limit = now + Milliseconds(UInt64(clamping: millis))
        let last = Double(max(millis, 0)) * (1 - DrainSchedule.rest)
        departures = miners.map { miner in
            (now + Milliseconds(UInt64(Double.random(in: 0...last, using: &chance))), miner)
        }
        departures.sort { $0.moment > $1.moment }
    }

    /// Whether the time is up. Miners still connected are then disconnected at once.
    func isOver(at now: Instant) -> Bool { now >= limit }

    /// Removes and returns the miners to disconnect now; all of them when the time is up. Some may have disconnected
    /// already.
    mutating func due(at now: Instant) -> [MinerID] {
        var due = late
        late = []
        while let next = departures.last, now >= next.moment || isOver(at: now) {
            departures.removeLast()
            due.append(next.miner)
        }
        return due
    }

    /// Postpones a miner that waits for an answer. It is due again at the next call.
    mutating func putOff(_ miner: MinerID) { late.append(miner) }
}
