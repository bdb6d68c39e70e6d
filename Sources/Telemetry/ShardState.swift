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
    /// The same by the time of day: until then its miners were certainly there.
    var heardAt: UInt64 = 0
    /// What of the totals came from this shard, over all its lives.
    var counters = ShareCounters()
    var eventsLost: UInt64 = 0
    var eventsReplayed: UInt64 = 0
    /// What `Statistics.noteReplayed` was told last; begins anew with the process.
    var replayedSeen: UInt64 = 0
    /// Where its stream goes on, as the journal was told last.
    var notedPosition: SavedShard.Position?

    // Gauges of the present life, by its last checkpoint and its last `ShardGauges`.
    var upstreams = UpstreamCounts()
    var connections: UInt32 = 0
    var loopDelayMicroseconds: UInt32 = 0
    var openUpstreams: [UpstreamGauge] = []
    var pools: [String] = []
    var poolConditions: [PoolCondition] = []
    var minersWaiting: UInt32 = 0
    var minersQuarantined: UInt32 = 0
    var losesMinersOnCrash = false
    var closed = ClosedConnections()

    func life(of epoch: Epoch) -> Int? { lives.lastIndex { $0.epoch == epoch } }

    /// Whether the miners of this life are among those that live now.
    func counts(_ life: Int) -> Bool { isLive && life == lives.count - 1 }

    mutating func begin(_ epoch: Epoch) {
        if !lives.isEmpty { lives[lives.count - 1].miners.end() }
        lives.append(Life(epoch: epoch))
        // As many as the gate lets late news through for, and the present one.
        if lives.count > SequenceGate.formerMax + 1 { lives.removeFirst() }
        upstreams = UpstreamCounts()
        connections = 0
        loopDelayMicroseconds = 0
        openUpstreams = []
        pools = []
        poolConditions = []
        minersWaiting = 0
        minersQuarantined = 0
        losesMinersOnCrash = false
        closed = ClosedConnections()
    }

    func row(_ number: Int) -> Snapshot.ShardRow {
        var row = Snapshot.ShardRow(
            shard: UInt16(truncatingIfNeeded: number), isLive: isLive, minersNow: 0, upstreams: UpstreamCounts(),
            eventsLost: eventsLost)
        row.eventsReplayed = eventsReplayed
        row.counters = counters
        guard isLive else { return row }
        row.minersNow = UInt32(clamping: lives.last?.miners.live.count ?? 0)
        row.upstreams = upstreams
        row.minersWaiting = minersWaiting
        row.losesMinersOnCrash = losesMinersOnCrash
        row.closed = closed
        row.connections = connections
        row.loopDelayMicroseconds = loopDelayMicroseconds
        return row
    }
}
