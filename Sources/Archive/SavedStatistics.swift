internal import FoundationEssentials
internal import GRDB
public import Telemetry

/// The content of a file: the last checkpoint and the journal since.
public struct SavedStatistics: Equatable, Sendable {
    /// Empty before the first commit. Counters and positions are those of the last commit, `state` and the workers
    /// those of the last checkpoint.
    public var checkpoint = SavedCheckpoint()
    /// The entries to fold onto the checkpoint, in order.
    public var journal: [JournalEntry] = []
    /// The time of the last commit in milliseconds since 1970, by which age is decided (`Archive.submit`); 0 = a new
    /// file.
    public var committedAt: UInt64 = 0

    public init() {}
}

extension SavedStatistics {
    init(reading db: Database) throws {
        try readService(db)
        try readShards(db)
        let workers = try Row.fetchCursor(
            db,
            sql: """
                SELECT id, name, ip, accepted, rejected, invalid, hashes, last_share_at, last_seen_at, state
                FROM worker ORDER BY id
                """)
        while let row = try workers.next() { checkpoint.workers.append(try SavedStatistics.worker(row)) }
        let entries = try Row.fetchCursor(db, sql: "SELECT shard, time, news FROM journal ORDER BY position")
        while let row = try entries.next() {
            journal.append(
                JournalEntry(
                    shard: try SavedStatistics.shardNumber(row, 0), time: try row.unsigned(1), bytes: try row.bytes(2)))
        }
    }

    private mutating func readService(_ db: Database) throws {
        let sql = """
            SELECT accepted, rejected, invalid, expired, hashes, joined, committed_at, state FROM service WHERE id = 1
            """
        guard let row = try Row.fetchOne(db, sql: sql) else { return }
        checkpoint.service.totals = try row.counters(0)
        committedAt = try row.unsigned(6)
        checkpoint.service.state = try row.bytes(7)
    }

    private mutating func readShards(_ db: Database) throws {
        let sql = """
            SELECT accepted, rejected, invalid, expired, hashes, joined, shard, epoch, next, events_lost,
                events_replayed, state
            FROM shard ORDER BY shard
            """
        let rows = try Row.fetchCursor(db, sql: sql)
        while let row = try rows.next() {
            var saved = SavedShard(shard: try SavedStatistics.shardNumber(row, 6))
            saved.counters = try row.counters(0)
            if let epoch = try row.decode(Data?.self, atIndex: 7) {
                saved.position = SavedShard.Position(epoch: try EpochColumn.epoch(epoch), next: try row.unsigned(8))
            }
            saved.eventsLost = try row.unsigned(9)
            saved.eventsReplayed = try row.unsigned(10)
            saved.state = try row.bytes(11)
            checkpoint.shards.append(saved)
        }
    }

    private static func worker(_ row: Row) throws -> SavedWorker {
        guard let id = UInt32(exactly: try row.unsigned(0)) else {
            throw UnreadableRow("a worker's id")
        }
        var worker = SavedWorker(
            id: id, name: try NameColumn.name(try row.decode(DatabaseValue.self, atIndex: 1)),
            ip: try row.decode(atIndex: 2))
        worker.accepted = try row.unsigned(3)
        worker.rejected = try row.unsigned(4)
        worker.invalid = try row.unsigned(5)
        worker.hashes = try row.unsigned(6)
        worker.lastShareAt = try row.unsigned(7)
        worker.lastSeenAt = try row.unsigned(8)
        worker.state = try row.bytes(9)
        return worker
    }

    private static func shardNumber(_ row: Row, _ index: Int) throws -> UInt16 {
        guard let shard = UInt16(exactly: try row.unsigned(index)) else {
            throw UnreadableRow("a shard's number")
        }
        return shard
    }
}
