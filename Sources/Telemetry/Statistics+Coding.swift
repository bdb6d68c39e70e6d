// What is written down of the fold, and when. A small commit (`takeProgress`) adds to the journal what the fold was told
// since the last one; a large one (`takeCheckpoint`) holds what the journal has led to, and empties it. In both, numbers in
// columns of their own are for people and for other programs to read; restoring reads only `state`, the workers' rows,
// positions and the journal. So it makes no difference that the columns are newer than the last checkpoint.

extension Statistics {
    static let stateVersion: UInt8 = 1

    /// True when the journal has a gap (a commit failed, the database is new): the next commit must be a checkpoint. What
    /// `takeProgress` gives meanwhile must not be stored.
    public var needsCheckpoint: Bool { journal.hasGap }

    /// Memory that the pending journal takes. Beyond `PendingJournal.bytesMax` it is dropped, as if a commit had failed.
    public var pendingJournalBytes: Int { journal.byteCount }

    /// What the fold was told since the last commit, for the next one.
    /// - Parameter positions: where the gate of each shard stands, all news before having been heard.
    public mutating func takeProgress(positions: [SavedShard.Position?]) -> SavedProgress {
        notePositions(positions)
        var service = SavedService()
        service.totals = totals
        let shards = shards.enumerated().map { $1.summary($0, position: $1.notedPosition) }
        return SavedProgress(journal: journal.take(), service: service, shards: shards)
    }

    /// Everything that has changed since the last checkpoint; the journal is superfluous once it is stored.
    /// - Parameter positions: as for `takeProgress`.
    public mutating func takeCheckpoint(positions: [SavedShard.Position?], at now: Moment) -> SavedCheckpoint {
        notePositions(positions)
        lastTime = now.time
        var saved = SavedCheckpoint()
        saved.service.totals = totals
        saved.service.state = packedService()
        saved.shards = shards.enumerated().map { $1.saved($0, position: $1.notedPosition, workers: workers) }
        saved.workers = workers.takeUnsaved()
        saved.forgotten = workers.takeForgotten()
        saved.history = history.take()
        journal.beginAnew()
        return saved
    }

    /// The checkpoint was not stored: what it holds is in the next one. So is everything since; no progress can be stored
    /// before it.
    public mutating func putBack(_ checkpoint: SavedCheckpoint) {
        workers.putBack(checkpoint.workers, forgotten: checkpoint.forgotten)
        history.putBack(checkpoint.history)
        journal.drop()
    }

    /// A commit of progress has failed: until the next checkpoint nothing more is noted in the journal.
    public mutating func dropPendingJournal() {
        journal.drop()
    }

    /// The database is a new one, in which nothing is: the next commit must be a checkpoint, of everything.
    public mutating func markAllUnsaved() {
        workers.markAllUnsaved()
        journal.drop()
    }

    private mutating func notePositions(_ positions: [SavedShard.Position?]) {
        for (shard, position) in zip(shards.indices, positions) {
            guard let position, position != shards[shard].notedPosition else { continue }
            change(.position(position), shard, at: lastTime)
        }
    }

    private func packedService() -> [UInt8] {
        var writer = ByteWriter(capacity: 4_096)
        writer.integer(Statistics.stateVersion)
        writer.packed(startedAt)
        writer.packed(servedBefore)
        writer.packed(lastTime)
        writer.packed(UInt64(shards.count))
        writer.packed(UInt64(workers.nextID))
        writer.packed(UInt64(minersMax))
        writer.packed(lastLossAt)
        writer.packed(credited)
        totals.pack(to: &writer)
        refusals.pack(to: &writer)
        window.pack(to: &writer)
        latency.pack(to: &writer)
        best.pack(to: &writer)
        errors.pack(to: &writer)
        return writer.bytes
    }

    // MARK: - Taking it up again

    /// The fold as it was when the last commit was made. No shard is live until it is heard.
    /// - Parameters:
    ///   - saved: all workers, in any order. A new `SavedCheckpoint()` when nothing is stored yet.
    ///   - journal: everything since, in order.
    ///   - startedAt: when the present service started. Another than the saved one begins a new uptime; the time that the
    ///     former ones have served still counts in averages.
    /// - Throws: when the bytes are damaged, or of another version.
    public init(
        restoring saved: SavedCheckpoint, journal: [JournalEntry], startedAt: UInt64, shardCount: Int, at now: Moment
    ) throws(DecodingFailure) {
        try self.init(
            restoring: saved, journal: journal, startedAt: startedAt, shardCount: shardCount, at: now,
            workerLimits: WorkerTable.Limits())
    }

    init(
        restoring saved: SavedCheckpoint, journal entries: [JournalEntry], startedAt: UInt64, shardCount: Int,
        at now: Moment, workerLimits: WorkerTable.Limits
    ) throws(DecodingFailure) {
        // There may have been more shards than now: what is told of them counts in the totals.
        let numbers = saved.shards.map(\.shard) + entries.map(\.shard)
        let restoredCount = max(shardCount, numbers.max().map { Int($0) + 1 } ?? 0)
        self.init(startedAt: startedAt, shardCount: restoredCount, workerLimits: workerLimits)
        let savedCount = try unpackService(saved, workerLimits)
        for shard in saved.shards {
            let number = Int(shard.shard)
            // Left over from a time when there were more.
            guard number < savedCount else { continue }
            shards[number] = try ShardState(restoring: shard, workers, &relay, &texts)
            // It counts as live while the journal is folded, as it did then.
            guard shards[number].isLive else { continue }
            shards[number].isLive = false
            setLive(number, true, at: shards[number].heardAt)
        }
        for entry in entries {
            perform(try JournalRecord(decoding: entry.bytes), Int(entry.shard), at: entry.time)
            _ = relay.take()
        }
        journal.beginAnew()
        change(.began(startedAt: startedAt), 0, at: now.time)
        shards.removeLast(restoredCount - shardCount)
        // Nobody follows yet.
        _ = relay.take()
    }

    /// Where each shard's stream goes on, as it was saved: for `SequenceGate(shard:resuming:next:)`. nil = from its
    /// beginning.
    public var restoredPositions: [SavedShard.Position?] { shards.map(\.notedPosition) }

    /// - Returns: how many shards there were.
    private mutating func unpackService(
        _ saved: SavedCheckpoint, _ workerLimits: WorkerTable.Limits
    ) throws(DecodingFailure) -> Int {
        guard !saved.service.state.isEmpty else {
            // No checkpoint is stored yet: then there are no workers, and of shards only where they stand.
            guard saved.workers.isEmpty else { throw .invalidField }
            return shards.count
        }
        var reader = ByteReader(saved.service.state)
        try reader.version(Statistics.stateVersion)
        startedAt = try reader.packed()
        servedBefore = try reader.packed()
        lastTime = try reader.packed()
        let shardCount = Int(try reader.packed(as: UInt32.self))
        let nextID = try reader.packed(as: UInt32.self)
        minersMax = Int(try reader.packed(as: UInt32.self))
        lastLossAt = try reader.packed()
        credited = try reader.packed()
        totals = try ShareCounters(unpacking: &reader)
        refusals = try RefusalCounts(unpacking: &reader)
        window = try HashrateWindow(unpacking: &reader)
        latency = try LatencyMedian(unpacking: &reader)
        best = try BestShares(unpacking: &reader)
        errors = try ErrorLog(unpacking: &reader)
        try reader.finish()
        workers = try WorkerTable(restoring: saved.workers, nextID: nextID, workerLimits)
        return shardCount
    }

    /// Another process takes over: nobody is known to be there any more, and it may belong to another start of the service.
    mutating func begin(service startedAt: UInt64) {
        for shard in shards.indices { setLive(shard, false, at: shards[shard].heardAt) }
        guard startedAt != self.startedAt else { return }
        if lastTime > self.startedAt { servedBefore.add(saturating: lastTime - self.startedAt) }
        self.startedAt = startedAt
    }
}
