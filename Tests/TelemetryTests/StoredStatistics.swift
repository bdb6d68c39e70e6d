@testable import Telemetry

/// A database as the fold sees it: what commits have brought, by the rules of the archive.
struct StoredStatistics {
    private(set) var service = SavedService()
    private(set) var shards: [UInt16: SavedShard] = [:]
    private(set) var workers: [UInt32: SavedWorker] = [:]
    private(set) var journal: [JournalEntry] = []
    private(set) var history: [HistorySeries: [UInt64: HistoryPoint]] = [:]

    mutating func commit(_ progress: SavedProgress) {
        journal += progress.journal
        // Only the columns: the states are those of the last checkpoint.
        service.totals = progress.service.totals
        for shard in progress.shards {
            let state = shards[shard.shard]?.state ?? []
            shards[shard.shard] = shard
            shards[shard.shard]?.state = state
        }
    }

    mutating func commit(_ checkpoint: SavedCheckpoint) {
        journal = []
        service = checkpoint.service
        for shard in checkpoint.shards { shards[shard.shard] = shard }
        for id in checkpoint.forgotten { workers[id] = nil }
        for worker in checkpoint.workers { workers[worker.id] = worker }
        for delta in checkpoint.history {
            history[delta.series, default: [:]][delta.point.time, default: HistoryPoint(time: delta.point.time)]
                .add(delta.point)
        }
    }

    var checkpoint: SavedCheckpoint {
        var checkpoint = SavedCheckpoint()
        checkpoint.service = service
        checkpoint.shards = Array(shards.values)
        checkpoint.workers = Array(workers.values)
        return checkpoint
    }

    func restored(
        startedAt: UInt64 = Sample.start, shardCount: Int, at now: Statistics.Moment,
        limits: WorkerTable.Limits = WorkerTable.Limits()
    ) throws -> Statistics {
        try Statistics(
            restoring: checkpoint, journal: journal, startedAt: startedAt, shardCount: shardCount, at: now,
            workerLimits: limits)
    }
}

extension HistoryPoint {
    mutating func add(_ other: HistoryPoint) {
        accepted += other.accepted
        rejected += other.rejected
        invalid += other.invalid
        hashes += other.hashes
    }
}
