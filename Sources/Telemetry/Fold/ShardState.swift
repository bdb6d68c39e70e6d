/// The fold's state of one shard: its current epoch, and former ones while late events of them can arrive.
struct ShardState: Sendable {
    /// One epoch.
    struct Life: Sendable {
        let epoch: Epoch
        /// This epoch's part of the totals.
        var counted = ShareCounters()
        var miners = ShardMiners()
    }

    /// The last one is the current one.
    var lives: [Life] = []
    var isLive = false
    /// When the shard was last heard, in monotonic milliseconds.
    var lastHeard: UInt64 = 0
    /// The same as the time of day, in milliseconds since 1970: its miners were connected until then.
    var heardAt: UInt64 = 0
    /// The shard's part of the totals, over all its epochs.
    var counters = ShareCounters()
    var eventsLost: UInt64 = 0
    var eventsReplayed: UInt64 = 0
    /// The last argument of `Statistics.noteReplayed`; starts at 0 with the process.
    var replayedSeen: UInt64 = 0
    /// The last position in the journal from which its stream continues.
    var notedPosition: SavedShard.Position?

    // Gauges of the current epoch, from its last checkpoint and its last `ShardGauges`.
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
    var tls = TLSFigures()

    func life(of epoch: Epoch) -> Int? { lives.lastIndex { $0.epoch == epoch } }

    /// Whether the miners of this epoch count as connected.
    func counts(_ life: Int) -> Bool { isLive && life == lives.count - 1 }

    mutating func begin(_ epoch: Epoch) {
        if !lives.isEmpty { lives[lives.count - 1].miners.end() }
        lives.append(Life(epoch: epoch))
        // The number of former epochs whose late events the gate passes, plus the current one.
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
        tls = TLSFigures()
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
        row.tls = tls
        row.connections = connections
        row.loopDelayMicroseconds = loopDelayMicroseconds
        return row
    }
}
