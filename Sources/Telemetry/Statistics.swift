/// The fold: events of all shards go in, the truth at one moment comes out (behaviour.md §12).
///
/// Counters only grow. What a shard's checkpoint has counted beyond what arrived here (events that were lost, or were over
/// before this process began) is added to the totals; workers, windows, latency and best shares know only the events
/// themselves. The fold knows no clock and no bus: `SequenceGate` sees to it that each event comes once.
public struct Statistics: Sendable {
    /// A shard sends a checkpoint every second; one that misses five is not serving.
    public static let silenceMillisecondsMax: UInt64 = 5_000

    /// A moment by both clocks: shares bear the time of day, silence is measured by the clock that nobody sets.
    public struct Moment: Sendable {
        /// Milliseconds since 1970.
        public var time: UInt64
        /// Milliseconds since any beginning.
        public var monotonic: UInt64

        public init(time: UInt64, monotonic: UInt64) {
            self.time = time
            self.monotonic = monotonic
        }
    }

    /// When the service started, in milliseconds since 1970.
    public let startedAt: UInt64
    var totals = ShareCounters()
    /// Sum of credited difficulty, for the all-time rate.
    var credited: UInt64 = 0
    var window = HashrateWindow()
    var latency = LatencyMedian()
    var best = BestShares()
    var errors = ErrorLog()
    var workers: WorkerTable
    var shards: [ShardState]
    var minersNow = 0
    var minersMax = 0
    private var sequence: UInt64 = 0

    /// - Parameter shardCount: shards are numbered from 0; news of others is ignored.
    public init(startedAt: UInt64, shardCount: Int) {
        self.init(startedAt: startedAt, shardCount: shardCount, workersMax: WorkerTable.rowsMax)
    }

    init(startedAt: UInt64, shardCount: Int, workersMax: Int) {
        self.startedAt = startedAt
        workers = WorkerTable(rowsMax: workersMax)
        shards = [ShardState](repeating: ShardState(), count: shardCount)
    }

    // MARK: - News

    /// Takes in what one message of a shard has brought. Empty, it still is a sign of life.
    /// - Parameter now: no event counts as later than this.
    public mutating func hear(_ news: [SequenceGate.News], from shard: UInt16, at now: Moment) {
        let shard = Int(shard)
        guard shards.indices.contains(shard) else { return }
        for item in news { apply(item, shard, now.time) }
        shards[shard].lastHeard = now.monotonic
        // After the news: a shard that comes back as another process must not bring its former miners to life again.
        setLive(shard, true)
    }

    private mutating func apply(_ news: SequenceGate.News, _ shard: Int, _ now: UInt64) {
        switch news {
        case .epochBegan(let epoch): beginEpoch(epoch, shard)
        case .events(let epoch, let events):
            guard let life = shards[shard].life(of: epoch) else { return }
            for event in events { apply(event, shard, life, now) }
        case .liveMiners(let epoch, let miners): resynchronise(miners, epoch, shard)
        case .lost(_, let count): shards[shard].eventsLost.add(saturating: count)
        }
    }

    private mutating func apply(_ event: ShardEvent, _ shard: Int, _ life: Int, _ now: UInt64) {
        switch event {
        case .share(let share):
            shards[shard].lives[life].counted.count(share)
            totals.count(share)
            settle(share, shards[shard].lives[life].miners.row(of: share.miner), min(share.time, now))
        case .joined(let joined):
            shards[shard].lives[life].counted.joined &+= 1
            totals.joined &+= 1
            join(joined, shard, life)
        case .left(let left):
            guard let row = shards[shard].lives[life].miners.leave(left.key), shards[shard].counts(life) else { return }
            uncount(row)
        case .poolError(let error): errors.add(error.text)
        case .checkpoint(let checkpoint): apply(checkpoint, shard, life)
        }
    }

    private mutating func settle(_ share: ShareSettled, _ row: Int32?, _ time: UInt64) {
        switch share.outcome {
        case .accepted:
            latency.add(microseconds: share.latencyMicroseconds)
            best.offer(share.actualDifficulty)
            credited.add(saturating: share.creditedDifficulty)
            window.add(share.creditedDifficulty, at: time)
        case .local:
            credited.add(saturating: share.creditedDifficulty)
            window.add(share.creditedDifficulty, at: time)
        case .rejected, .invalid: break
        }
        if let row, row >= 0 { workers.settle(share, Int(row), at: time) }
    }

    private mutating func apply(_ checkpoint: Checkpoint, _ shard: Int, _ life: Int) {
        let missed = shards[shard].lives[life].counted.raise(to: checkpoint.counters)
        totals.add(missed)
        credited.add(saturating: missed.hashesTotal)
        shards[shard].lives[life].miners.forgetDeparted(at: checkpoint.time)
        if life == shards[shard].lives.count - 1 { shards[shard].upstreams = checkpoint.upstreams }
    }

    // MARK: - Miners that live

    private mutating func join(_ joined: MinerJoined, _ shard: Int, _ life: Int) {
        let row = joined.worker.map { Int32(workers.index(of: $0)) } ?? ShardMiners.noRow
        guard shards[shard].lives[life].miners.join(joined.key, row: row) else { return }
        if row >= 0 { workers.came(Int(row), from: joined.ip) }
        if shards[shard].counts(life) { count(row) }
    }

    private mutating func count(_ row: Int32) {
        minersNow += 1
        minersMax = max(minersMax, minersNow)
        if row >= 0 { workers.joined(Int(row)) }
    }

    private mutating func uncount(_ row: Int32) {
        minersNow -= 1
        if row >= 0 { workers.left(Int(row)) }
    }

    /// Exactly these miners live. Those that do not are remembered for their late shares.
    private mutating func resynchronise(_ miners: [MinerJoined], _ epoch: Epoch, _ shard: Int) {
        guard let life = shards[shard].life(of: epoch) else { return }
        let living = Set(miners.map(\.key))
        for key in shards[shard].lives[life].miners.live.keys where !living.contains(key) {
            guard let row = shards[shard].lives[life].miners.leave(key), shards[shard].counts(life) else { continue }
            uncount(row)
        }
        // In the order in which they came, which is the order of their rows.
        for miner in miners.sorted(by: { $0.key < $1.key }) { join(miner, shard, life) }
    }

    private mutating func beginEpoch(_ epoch: Epoch, _ shard: Int) {
        // While the old life is the last one it is the one that counts.
        setLive(shard, false)
        shards[shard].begin(epoch)
        setLive(shard, true)
    }

    /// Takes the miners of a shard into the numbers of now, or out of them.
    private mutating func setLive(_ shard: Int, _ isLive: Bool) {
        guard shards[shard].isLive != isLive else { return }
        shards[shard].isLive = isLive
        guard let miners = shards[shard].lives.last?.miners.live else { return }
        for row in miners.values { if isLive { count(row) } else { uncount(row) } }
    }

    // MARK: - Snapshot

    /// The truth at `now`. Shards that have been silent too long stop counting as live, so read what waits on the bus
    /// before you ask.
    public mutating func snapshot(at now: Moment) -> Snapshot {
        for shard in shards.indices {
            let heard = min(shards[shard].lastHeard, now.monotonic)
            if now.monotonic - heard > Statistics.silenceMillisecondsMax { setLive(shard, false) }
        }
        let now = now.time
        let uptimeSeconds = now > startedAt ? Double(now - startedAt) / 1_000 : 0
        sequence += 1
        var snapshot = Snapshot()
        snapshot.sequence = sequence
        snapshot.time = now
        snapshot.startedAt = startedAt
        snapshot.results = results()
        snapshot.hashrates = window.rates(at: now)
        snapshot.hashrates.allTime = uptimeSeconds > 0 ? Double(credited) / uptimeSeconds : 0
        snapshot.minersNow = UInt32(clamping: minersNow)
        snapshot.minersMax = UInt32(clamping: minersMax)
        for (number, shard) in shards.enumerated() {
            let row = shard.row(number)
            snapshot.upstreams.active &+= row.upstreams.active
            snapshot.upstreams.sleeping &+= row.upstreams.sleeping
            snapshot.upstreams.error &+= row.upstreams.error
            snapshot.shards.append(row)
        }
        snapshot.workers = workers.snapshotRows(at: now, uptimeSeconds: uptimeSeconds)
        return snapshot
    }

    private func results() -> Snapshot.Results {
        var results = Snapshot.Results()
        results.accepted = totals.accepted
        results.rejected = totals.rejected
        results.invalid = totals.invalid
        results.expired = totals.expired
        results.hashesTotal = totals.hashesTotal
        results.latencyMilliseconds = latency.median
        results.best = best.values
        results.errors = errors.entries
        return results
    }
}
