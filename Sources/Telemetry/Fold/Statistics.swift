/// The fold: computes the statistics from the events of all shards (docs/COMPATIBILITY.md, "Statistics").
///
/// Counters never decrease. If a shard's checkpoint has counted more than the events received here (events were lost,
/// or happened before this process started), the difference is added to the totals. Workers, windows, latency,
/// refusals, history and best shares include only received events. The fold reads no clock and no bus: `SequenceGate`
/// ensures that each event arrives once.
///
/// Every change of saved state goes through `change`, which records it in the journal. So the saved state and the
/// journal after it restore exactly this state (`Statistics+Coding.swift`).
public struct Statistics: Sendable {
    /// A shard sends a checkpoint every second; after five missed ones it is not serving.
    public static let silenceMillisecondsMax: UInt64 = 5_000
    /// A shard whose miners have moved reports it in its next loop turn; one that was killed meanwhile, after its
    /// restart.
    static let mergeMillisecondsMax: UInt64 = 5_000

    /// A moment on two clocks: shares have the time of day, silence is measured with the monotonic clock.
    public struct Moment: Sendable {
        /// Milliseconds since 1970.
        public var time: UInt64
        /// Milliseconds since an arbitrary origin.
        public var monotonic: UInt64

        public init(time: UInt64, monotonic: UInt64) {
            self.time = time
            self.monotonic = monotonic
        }
    }

    /// When the current service started, in milliseconds since 1970.
    public internal(set) var startedAt: UInt64
    /// The running time of earlier services that the counters include, in milliseconds.
    var servedBefore: UInt64 = 0
    /// The time of the last change.
    var lastTime: UInt64 = 0
    var totals = ShareCounters()
    /// The sum of credited difficulty, for the all-time rate.
    var credited: UInt64 = 0
    var window = HashrateWindow()
    var latency = LatencyMedian()
    var best = BestShares()
    var errors = ErrorLog()
    var refusals = RefusalCounts<UInt64>()
    var lastLossAt: UInt64 = 0
    var workers: WorkerTable
    var shards: [ShardState]
    var minersNow = 0
    var minersMax = 0
    /// When miners last moved between shards. Until the former shard has reported them gone they count twice, so the
    /// count is not a peak within `mergeMillisecondsMax`. 0 = never, or before the fold was restored.
    var movedAt: UInt64 = 0
    var history = HistoryDeltas()
    var journal: PendingJournal
    var relay = Relay()
    var texts = MinerTexts.Pool()
    var database = Snapshot.Database()
    var sequence: UInt64 = 0

    /// A fold without saved state. It records no journal before the first checkpoint.
    /// - Parameter shardCount: shards are numbered from 0; messages of others are ignored.
    public init(startedAt: UInt64, shardCount: Int) {
        self.init(startedAt: startedAt, shardCount: shardCount, workerLimits: WorkerTable.Limits())
    }

    init(startedAt: UInt64, shardCount: Int, workerLimits: WorkerTable.Limits) {
        self.startedAt = startedAt
        workers = WorkerTable(workerLimits)
        shards = [ShardState](repeating: ShardState(), count: shardCount)
        journal = PendingJournal(hasGap: true)
    }

    // MARK: - Input

    /// Folds the deliveries of one message of a shard. Without deliveries, the message still shows that the shard is
    /// running.
    /// - Parameter now: times of events are limited to this.
    public mutating func hear(_ news: [SequenceGate.Delivery], from shard: UInt16, at now: Moment) {
        let shard = Int(shard)
        guard shards.indices.contains(shard) else { return }
        shards[shard].lastHeard = now.monotonic
        if news.isEmpty, shards[shard].isLive {
            shards[shard].heardAt = now.time
        } else {
            change(.heard(news), shard, at: now.time)
        }
    }

    /// - Parameter count: the number of the shard's events that were replayed since this process started.
    public mutating func noteReplayed(_ count: UInt64, shard: UInt16) {
        let shard = Int(shard)
        guard shards.indices.contains(shard), count > shards[shard].replayedSeen else { return }
        change(.replayed(count - shards[shard].replayedSeen), shard, at: lastTime)
        shards[shard].replayedSeen = count
    }

    /// Removes the workers without a connection that were last seen before `time` (milliseconds since 1970). Their
    /// shares stay in the totals. A worker that returns later is a new one with a new id.
    /// - Parameter unproven: the same for workers without an accepted share; nil = `time`.
    public mutating func forgetWorkers(unseenSince time: UInt64, unproven: UInt64? = nil) {
        change(.forgotWorkers(unseenSince: time, unproven: unproven ?? time), 0, at: lastTime)
    }

    /// Sets the state of the database, which is only shown in the snapshot.
    public mutating func setDatabase(_ state: Snapshot.Database) {
        database = state
    }

    /// All changes of saved state go through this function.
    mutating func change(_ record: JournalRecord, _ shard: Int, at time: UInt64) {
        journal.note(record, shard: shard, at: time)
        perform(record, shard, at: time)
    }

    /// - Precondition: `shard` exists.
    mutating func perform(_ record: JournalRecord, _ shard: Int, at time: UInt64) {
        switch record {
        case .heard(let news): fold(news, shard, time)
        case .fellSilent: setLive(shard, false, at: time)
        case .replayed(let count): shards[shard].eventsReplayed.add(saturating: count)
        case .position(let position): shards[shard].notedPosition = position
        case .forgotWorkers(let time, let unproven): forget(unseenSince: time, unproven: unproven)
        case .began(let startedAt): begin(service: startedAt)
        }
        lastTime = time
    }

    // MARK: - Events

    private mutating func fold(_ news: [SequenceGate.Delivery], _ shard: Int, _ now: UInt64) {
        shards[shard].heardAt = now
        let mark = relay.events.count
        for item in news { apply(item, shard, now) }
        guard !shards[shard].isLive else { return }
        // After the deliveries: a shard that is now another process must not bring back its former miners. In the
        // relay, miners must join before their shares.
        let waiting = relay.cut(from: mark)
        setLive(shard, true, at: now)
        relay.events += waiting
    }

    private mutating func apply(_ news: SequenceGate.Delivery, _ shard: Int, _ now: UInt64) {
        switch news {
        case .epochBegan(let epoch): beginEpoch(epoch, shard, now)
        case .events(let epoch, let events):
            guard let life = shards[shard].life(of: epoch) else { return }
            for event in events { apply(event, shard, life, now) }
        case .liveMiners(let epoch, let miners): resynchronise(miners, epoch, shard, now)
        case .lost(_, let count):
            guard count > 0 else { return }
            shards[shard].eventsLost.add(saturating: count)
            lastLossAt = max(lastLossAt, now)
        }
    }

    private mutating func apply(_ event: ShardEvent, _ shard: Int, _ life: Int, _ now: UInt64) {
        switch event {
        case .share(let share):
            shards[shard].lives[life].counted.count(share)
            shards[shard].counters.count(share)
            totals.count(share)
            if share.outcome == .accepted { giveOwnRow(share.miner, shard, life, at: min(share.time, now)) }
            settle(share, shard, shards[shard].lives[life].miners.place(of: share.miner), min(share.time, now))
        case .joined(let joined):
            if joined.hasMoved {
                movedAt = now
            } else {
                shards[shard].lives[life].counted.joined &+= 1
                shards[shard].counters.joined &+= 1
                totals.joined &+= 1
            }
            join(joined, shard, life, now)
        case .left(let left): leave(left.key, shard, life, now)
        case .poolError(let error):
            errors.add(error.text)
            relay.add(event)
        case .checkpoint(let checkpoint):
            notePeak(at: now)
            apply(checkpoint, shard, life, now)
        }
    }

    private mutating func settle(_ share: ShareSettled, _ shard: Int, _ place: ShardMiners.Place?, _ time: UInt64) {
        switch share.outcome {
        case .accepted:
            latency.add(microseconds: share.latencyMicroseconds)
            best.offer(share.actualDifficulty)
            credited.add(saturating: share.creditedDifficulty)
            window.add(share.creditedDifficulty, at: time)
        case .local:
            credited.add(saturating: share.creditedDifficulty)
            window.add(share.creditedDifficulty, at: time)
        case .rejected, .invalid: refusals.count(share.reason, times: share.count)
        }
        var worker: UInt32?
        if let row = place?.row, row >= 0 {
            workers.settle(share, Int(row), at: time)
            worker = workers.rows[Int(row)].id
        }
        history.count(share, shard: shard, worker: worker, at: time)
        relay.add(share, of: place?.key ?? Relay.unknownMiner)
    }

    private mutating func apply(_ checkpoint: Checkpoint, _ shard: Int, _ life: Int, _ now: UInt64) {
        let missed = shards[shard].lives[life].counted.raise(to: checkpoint.counters)
        if missed != ShareCounters() {
            shards[shard].counters.add(missed)
            totals.add(missed)
            credited.add(saturating: missed.hashesTotal)
            lastLossAt = max(lastLossAt, min(checkpoint.time, now))
        }
        shards[shard].lives[life].miners.forgetDeparted(at: checkpoint.time)
        guard life == shards[shard].lives.count - 1 else { return }
        shards[shard].upstreams = checkpoint.upstreams
        shards[shard].connections = checkpoint.connections
    }

    private mutating func forget(unseenSince time: UInt64, unproven: UInt64) {
        // A silent shard can return with its miners.
        var kept: Set<Int32> = []
        for shard in shards {
            for miner in (shard.lives.last?.miners.live ?? [:]).values { kept.insert(miner.place.row) }
        }
        guard let moved = workers.forget(unseenSince: time, unproven: unproven, except: kept) else { return }
        for shard in shards.indices {
            for life in shards[shard].lives.indices { shards[shard].lives[life].miners.moveRows(moved) }
        }
    }
}
