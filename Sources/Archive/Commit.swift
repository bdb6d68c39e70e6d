internal import FoundationEssentials
internal import GRDB
public import Telemetry

/// The content of one transaction.
public enum Commit: Equatable, Sendable {
    /// About once a second: new journal entries and the sums.
    case progress(SavedProgress)
    /// About once a minute: everything that has changed. It empties the journal.
    case checkpoint(SavedCheckpoint)
}

extension Commit {
    /// - Parameter time: the time by which age is decided, in milliseconds since 1970.
    func write(to db: Database, history: HistoryTable, at time: UInt64) throws {
        switch self {
        case .progress(let progress): try progress.write(to: db, at: time)
        case .checkpoint(let checkpoint): try checkpoint.write(to: db, history: history, at: time)
        }
    }
}

extension SavedProgress {
    fileprivate func write(to db: Database, at time: UInt64) throws {
        let append = try db.cachedStatement(sql: "INSERT INTO journal (shard, time, news) VALUES (?, ?, ?)")
        for entry in journal {
            try append.execute(arguments: [Int64(entry.shard), entry.time.column, Data(entry.bytes)])
        }
        // The state stays that of the last checkpoint; before the first one it is empty.
        let sums = try db.cachedStatement(
            sql: """
                INSERT INTO service (id, committed_at, accepted, rejected, invalid, expired, hashes, joined, state)
                VALUES (1, ?, ?, ?, ?, ?, ?, ?, x'')
                ON CONFLICT (id) DO UPDATE SET
                    committed_at = excluded.committed_at, accepted = excluded.accepted,
                    rejected = excluded.rejected, invalid = excluded.invalid, expired = excluded.expired,
                    hashes = excluded.hashes, joined = excluded.joined
                """)
        try sums.execute(arguments: StatementArguments([time.column] + service.totals.columns))
        for shard in shards { try shard.write(to: db, isCheckpoint: false) }
    }
}

extension SavedCheckpoint {
    fileprivate func write(to db: Database, history table: HistoryTable, at time: UInt64) throws {
        try db.execute(sql: "DELETE FROM journal")
        let sums = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO service
                    (id, committed_at, accepted, rejected, invalid, expired, hashes, joined, state)
                VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try sums.execute(
            arguments: StatementArguments([time.column] + service.totals.columns) + [Data(service.state)])
        for shard in shards { try shard.write(to: db, isCheckpoint: true) }
        let forget = try db.cachedStatement(sql: "DELETE FROM worker WHERE id = ?")
        for id in forgotten { try forget.execute(arguments: [Int64(id)]) }
        try writeWorkers(to: db)
        try table.add(history, at: time / 1_000, to: db)
    }

    private func writeWorkers(to db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO worker
                    (id, name, ip, accepted, rejected, invalid, hashes, last_share_at, last_seen_at, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET
                    ip = excluded.ip, accepted = excluded.accepted, rejected = excluded.rejected,
                    invalid = excluded.invalid, hashes = excluded.hashes, last_share_at = excluded.last_share_at,
                    last_seen_at = excluded.last_seen_at, state = excluded.state
                """)
        for worker in workers {
            let arguments: StatementArguments = [
                Int64(worker.id), NameColumn.value(worker.name), worker.ip, worker.accepted.column,
                worker.rejected.column, worker.invalid.column, worker.hashes.column, worker.lastShareAt.column,
                worker.lastSeenAt.column, Data(worker.state),
            ]
            // The statement has ten parameters; GRDB would check their number for each of ten thousand rows.
            statement.setUncheckedArguments(arguments)
            try statement.execute()
        }
    }
}

extension SavedShard {
    fileprivate func write(to db: Database, isCheckpoint: Bool) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO shard
                    (shard, epoch, next, accepted, rejected, invalid, expired, hashes, joined, events_lost,
                     events_replayed, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (shard) DO UPDATE SET
                    epoch = excluded.epoch, next = excluded.next, accepted = excluded.accepted,
                    rejected = excluded.rejected, invalid = excluded.invalid, expired = excluded.expired,
                    hashes = excluded.hashes, joined = excluded.joined, events_lost = excluded.events_lost,
                    events_replayed = excluded.events_replayed
                """ + (isCheckpoint ? ", state = excluded.state" : ""))
        let epoch = position.map { EpochColumn.value($0.epoch) }
        try statement.execute(
            arguments: [Int64(shard), epoch, (position?.next ?? 0).column]
                + StatementArguments(counters.columns)
                + [eventsLost.column, eventsReplayed.column, Data(isCheckpoint ? state : [])])
    }
}
