internal import StratumSession

/// The plan by which a shard sends its miners away: each at a moment of its own, so that those who reconnect do not arrive
/// at the other shards in one instant.
struct DrainSchedule {
    /// The part of the time, at its end, in which nobody's moment lies: it is for those who wait for the verdict on a share.
    static let rest = 0.1

    private let limit: Instant
    /// Latest first.
    private var departures: [(moment: Instant, miner: MinerID)]
    /// Their moment has come, and they wait for a reply.
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

    /// Whether the time is up: whoever is still there is late.
    func isOver(at now: Instant) -> Bool { now >= limit }

    /// Takes out those who are to go now; all when the time is up. Some may have left by themselves.
    mutating func due(at now: Instant) -> [MinerID] {
        var due = late
        late = []
        while let next = departures.last, now >= next.moment || isOver(at: now) {
            departures.removeLast()
            due.append(next.miner)
        }
        return due
    }

    /// Cannot go yet, and is due again at once.
    mutating func putOff(_ miner: MinerID) { late.append(miner) }
}
