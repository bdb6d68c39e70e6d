/// What the fold knows of one shard: its present life, and those before it while late news of them may still come.
struct ShardState: Sendable {
    /// One epoch.
    struct Life: Sendable {
        let epoch: Epoch
        /// What of the totals came from this epoch.
        var counted = ShareCounters()
        var miners = ShardMiners()
    }

    /// The last one is the present one.
    var lives: [Life] = []
    var isLive = false
    /// Monotonic milliseconds.
    var lastHeard: UInt64 = 0
    var upstreams = UpstreamCounts()
    var eventsLost: UInt64 = 0

    func life(of epoch: Epoch) -> Int? { lives.lastIndex { $0.epoch == epoch } }

    /// Whether the miners of this life are among those that live now.
    func counts(_ life: Int) -> Bool { isLive && life == lives.count - 1 }

    mutating func begin(_ epoch: Epoch) {
        lives.append(Life(epoch: epoch))
        // As many as the gate lets late news through for, and the present one.
        if lives.count > SequenceGate.formerMax + 1 { lives.removeFirst() }
        upstreams = UpstreamCounts()
    }

    func row(_ number: Int) -> Snapshot.ShardRow {
        let miners = lives.last?.miners.live.count ?? 0
        return Snapshot.ShardRow(
            shard: UInt16(truncatingIfNeeded: number), isLive: isLive, minersNow: isLive ? UInt32(clamping: miners) : 0,
            upstreams: isLive ? upstreams : UpstreamCounts(), eventsLost: eventsLost)
    }
}
