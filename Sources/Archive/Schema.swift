internal import GRDB

/// The tables and the migrations from older versions. docs/STATISTICS.md documents them.
///
/// **Invariant:** a released migration is never changed; a change of the tables is a new migration at the end.
enum Schema {
    /// "MlRc" in the header of the file. It identifies a statistics file of Millrace.
    static let applicationID: Int32 = 0x4D6C_5263

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: version1)
        }
        return migrator
    }

    /// Counters and sequence numbers are unsigned: from 2^63 on, columns show negative numbers.
    private static let version1 = """
        CREATE TABLE service (
            id           INTEGER PRIMARY KEY CHECK (id = 1),
            committed_at INTEGER NOT NULL,
            accepted     INTEGER NOT NULL,
            rejected     INTEGER NOT NULL,
            invalid      INTEGER NOT NULL,
            expired      INTEGER NOT NULL,
            hashes       INTEGER NOT NULL,
            joined       INTEGER NOT NULL,
            state        BLOB NOT NULL
        );
        CREATE TABLE shard (
            shard           INTEGER PRIMARY KEY,
            epoch           BLOB,
            next            INTEGER NOT NULL,
            accepted        INTEGER NOT NULL,
            rejected        INTEGER NOT NULL,
            invalid         INTEGER NOT NULL,
            expired         INTEGER NOT NULL,
            hashes          INTEGER NOT NULL,
            joined          INTEGER NOT NULL,
            events_lost     INTEGER NOT NULL,
            events_replayed INTEGER NOT NULL,
            state           BLOB NOT NULL
        );
        CREATE TABLE worker (
            id            INTEGER PRIMARY KEY,
            name          NOT NULL,
            ip            TEXT NOT NULL,
            accepted      INTEGER NOT NULL,
            rejected      INTEGER NOT NULL,
            invalid       INTEGER NOT NULL,
            hashes        INTEGER NOT NULL,
            last_share_at INTEGER NOT NULL,
            last_seen_at  INTEGER NOT NULL,
            state         BLOB NOT NULL
        );
        CREATE INDEX worker_name ON worker (name);
        CREATE TABLE journal (
            position INTEGER PRIMARY KEY,
            shard    INTEGER NOT NULL,
            time     INTEGER NOT NULL,
            news     BLOB NOT NULL
        );
        CREATE TABLE history (
            step   INTEGER NOT NULL,
            page   INTEGER NOT NULL,
            time   INTEGER NOT NULL,
            points BLOB NOT NULL,
            PRIMARY KEY (step, page, time)
        ) WITHOUT ROWID;
        """

    /// The kind of content in a file.
    enum Content {
        case nothing
        case ours
        case foreign
    }

    static func content(of db: Database) throws -> Content {
        if try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID { return .ours }
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        return tables == 0 ? .nothing : .foreign
    }

    /// - Throws: `ArchiveFailure.foreign` or `.newer`.
    static func check(_ db: Database, path: String, migrator: DatabaseMigrator = Schema.migrator) throws {
        if try content(of: db) == .foreign {
            throw ArchiveFailure.foreign(
                "\(path) is a database of another program; set \"millrace.database\" to another path")
        }
        if try migrator.hasBeenSuperseded(db) {
            throw ArchiveFailure.newer("\(path) was written by a newer version of Millrace; this one cannot use it")
        }
    }
}
