// Encoding of the fold, and when it happens. A small commit (`takeProgress`) appends the changes since the last commit
// to the journal. A large commit (`takeCheckpoint`) contains the resulting state and empties the journal. In both,
// values in separate columns are for people and other programs; restoring uses only `state`, the workers' rows, the
// positions and the journal. So it does no harm that the columns are newer than the last checkpoint.

extension Statistics {
    static let stateVersion: UInt8 = 1

    /// True when the journal has a gap (a commit failed, or the database is new). The next commit must then be a
    /// checkpoint, and results of `takeProgress` must not be stored.
    public var needsCheckpoint: Bool { journal.hasGap }

    /// Memory of the pending journal. Beyond `PendingJournal.bytesMax` it is dropped, as after a failed commit.
    public var pendingJournalBytes: Int { journal.byteCount }

    /// The changes since the last commit, for the next one.
    /// - Parameter positions: the position of each shard's gate, whose earlier deliveries must all have been folded.
    public mutating func takeProgress(positions: [SavedShard.Position?]) -> SavedProgress {
        notePositions(positions)
        var service = SavedService()
        service.totals = totals
        let shards = shards.enumerated().map { $1.summary($0, position: $1.notedPosition) }
        return SavedProgress(journal: journal.take(), service: service, shards: shards)
    }

    /// All changes since the last checkpoint. The journal is not needed any more once it is stored.
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

    /// Called when the checkpoint was not stored: the next one includes its content and everything since. No progress
    /// can be stored before it.
    public mutating func putBack(_ checkpoint: SavedCheckpoint) {
        workers.putBack(checkpoint.workers, forgotten: checkpoint.forgotten)
        history.putBack(checkpoint.history)
        journal.drop()
    }

    /// Called when a commit of progress failed: nothing is added to the journal until the next checkpoint.
    public mutating func dropPendingJournal() {
        journal.drop()
    }

    /// Called when the database is new and empty: the next commit must be a checkpoint of everything.
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

    // MARK: - Restoring

    /// Restores the fold as of the last commit. No shard is live until a message of it arrives.
    /// - Parameters:
    ///   - saved: all workers, in any order. A new `SavedCheckpoint()` when nothing is stored yet.
    ///   - journal: all entries since the checkpoint, in order.
    ///   - startedAt: when the current service started. A value other than the saved one starts a new uptime; the time
    ///     that earlier services ran still counts in averages.
    /// - Throws: when the bytes are corrupt or of another version.
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
        // There may have been more shards than now: their events count in the totals.
        let numbers = saved.shards.map(\.shard) + entries.map(\.shard)
        let restoredCount = max(shardCount, numbers.max().map { Int($0) + 1 } ?? 0)
        self.init(startedAt: startedAt, shardCount: restoredCount, workerLimits: workerLimits)
        let savedCount = try unpackService(saved, workerLimits)
        for shard in saved.shards {
            let number = Int(shard.shard)
            // A row from a time with more shards.
            guard number < savedCount else { continue }
            shards[number] = try ShardState(restoring: shard, workers, &relay, &texts)
            // It counts as live while the journal is folded, as it did originally.
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
        // There are no subscribers yet.
        _ = relay.take()
    }

    /// The saved position from which each shard's stream continues, for `SequenceGate(shard:resuming:next:)`. nil =
    /// from its beginning.
    public var restoredPositions: [SavedShard.Position?] { shards.map(\.notedPosition) }

    /// - Returns: the number of shards at that time.
    private mutating func unpackService(
        _ saved: SavedCheckpoint, _ workerLimits: WorkerTable.Limits
    ) throws(DecodingFailure) -> Int {
        guard !saved.service.state.isEmpty else {
            // No checkpoint is stored yet: there are no workers, and the shards have only positions.
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

    /// Another process continues: no miner is known to be connected, and the service may have been restarted.
    mutating func begin(service startedAt: UInt64) {
        for shard in shards.indices { setLive(shard, false, at: shards[shard].heardAt) }
        guard startedAt != self.startedAt else { return }
        if lastTime > self.startedAt { servedBefore.add(saturating: lastTime - self.startedAt) }
        self.startedAt = startedAt
    }
}
