internal import GRDB
internal import Telemetry

/// The open file: all writing access to SQLite. Used by one thread at a time.
final class ArchiveFile {
    private var place: ArchivePlace
    private let settings: ArchiveSettings
    private var database: DatabaseQueue?
    private var identity: ArchivePlace.Identity?
    private var history: HistoryTable
    private var thinningIsDue = true
    private var setAsideCount = 0
    /// Corruption found while thinning; the next commit reports it.
    private var damage: String?

    /// When a WAL that has grown during a long read restarts, it is truncated to this size.
    static let journalBytesMax = 16 * 1024 * 1024
    /// Corrupt files that one process sets aside. After more, the disk is faulty and new files do not help.
    static let setAsideMax = 5

    init(_ settings: ArchiveSettings) {
        self.settings = settings
        place = ArchivePlace(path: settings.path)
        history = HistoryTable(days: settings.historyDays)
    }

    // MARK: - Opening

    /// Opens the file, creates or migrates it if necessary, and reads its content. A corrupt file is set aside.
    func open(
        at time: UInt64, settingAside: Bool = true
    ) throws(ArchiveFailure) -> (saved: SavedStatistics, setAside: String?) {
        do throws(ArchiveFailure) {
            try place.take()
            do throws(ArchiveFailure) {
                return (try openAndRead(), nil)
            } catch .damaged(let reason) where settingAside {
                let aside = try beginAnew(because: reason, at: time)
                return (SavedStatistics(), aside)
            }
        } catch {
            if case .foreign = error { place.leave() }
            close()
            throw error
        }
    }

    private func openAndRead() throws(ArchiveFailure) -> SavedStatistics {
        try place.examine()
        do {
            let database = try DatabaseQueue(path: settings.path, configuration: configuration)
            self.database = database
            try database.inDatabase { db in
                // Before any change to the file, including its journal mode.
                try Schema.check(db, path: settings.path, migrator: settings.migrator)
                try ArchiveFile.prepare(db)
            }
            try settings.migrator.migrate(database)
            identity = place.identity
            return try database.read { db in
                try ArchiveFile.checkPages(db)
                return try SavedStatistics(reading: db)
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            // It has the application id and version but lacks a table or column: another program has changed it.
            closeDatabase()
            throw .damaged("\(settings.path): \(error.message ?? "its tables are not those of Millrace")")
        } catch {
            closeDatabase()
            throw ArchiveFailure(error)
        }
    }

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "millrace.archive"
        configuration.busyMode = .timeout(settings.busySecondsMax)
        let pagesMax = settings.pagesMax
        configuration.prepareDatabase { db in
            // More checks of each page that is read, so that corruption is found early.
            try db.execute(sql: "PRAGMA cell_size_check = ON")
            if let pagesMax { try db.execute(sql: "PRAGMA max_page_count = \(pagesMax)") }
        }
        return configuration
    }

    private static func prepare(_ db: Database) throws {
        if case .nothing = try Schema.content(of: db) {
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
        }
        // In WAL mode readers and the writer do not wait for each other, and a commit is one append and one sync.
        let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw ArchiveFailure.cannotOpen("its file system does not support SQLite's write-ahead log (WAL)")
        }
        // A shard discards events once they are acknowledged: they must be on the disk before.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        try db.execute(sql: "PRAGMA journal_size_limit = \(journalBytesMax)")
    }

    /// Checks the tables from which sums are restored. The history can be large; it is checked when it is read.
    private static func checkPages(_ db: Database) throws {
        for table in ["service", "shard", "worker", "journal"] {
            let findings = try String.fetchAll(db, sql: "PRAGMA quick_check(\(table))")
            guard findings == ["ok"] else { throw UnreadableRow("table \(table): \(findings.first ?? "unreadable")") }
        }
    }

    // MARK: - Writing

    /// - Parameter time: the time by which age is decided, in milliseconds since 1970. It is stored; history that is
    ///   too old by it is not.
    func write(_ commit: Commit, at time: UInt64) throws(ArchiveFailure) {
        guard let database else { throw .cannotOpen("\(settings.path) is not open") }
        if let damage { throw .damaged(damage) }
        try checkIdentity()
        do {
            // GRDB begins an IMMEDIATE transaction, which fails at once if the file cannot be written.
            try database.write { db in try commit.write(to: db, history: history, at: time) }
        } catch {
            throw ArchiveFailure(error)
        }
        guard case .checkpoint = commit else { return }
        thinningIsDue = true
        // A checkpoint leaves two megabytes of pages in the cache; small commits need a dozen. The commit is already
        // durable, so an error here does not matter.
        try? database.inDatabase { db in try db.execute(sql: "PRAGMA shrink_memory") }
    }

    /// Without this check, SQLite would continue to write to a file that was removed or replaced.
    private func checkIdentity() throws(ArchiveFailure) {
        guard let found = place.identity else { throw .damaged("\(settings.path) was removed") }
        guard found == identity else {
            throw .cannotOpen("\(settings.path) was replaced by another file; restart the collector to use that")
        }
    }

    /// Merges old history into longer intervals, a limited number of rows per call. Called between commits.
    /// - Parameter time: milliseconds since 1970.
    func thin(at time: UInt64) {
        guard thinningIsDue, let database else { return }
        do {
            thinningIsDue = try database.write { db in try history.thin(at: time / 1_000, in: db) }
        } catch {
            // The progress it recorded in memory was not committed.
            history = HistoryTable(days: settings.historyDays)
            if case .damaged(let reason) = ArchiveFailure(error) { damage = reason }
        }
    }

    // MARK: - Starting a new file

    /// Sets the file aside and creates an empty one at its path.
    /// - Returns: the new path of the old file; nil when it had been removed.
    func beginAnew(because reason: String, at time: UInt64) throws(ArchiveFailure) -> String? {
        guard setAsideCount < ArchiveFile.setAsideMax else {
            throw .cannotOpen("\(setAsideCount) damaged files were set aside already; check the disk (\(reason))")
        }
        setAsideCount += 1
        closeDatabase()
        let aside = place.identity == nil ? nil : try place.setAside(at: time)
        history = HistoryTable(days: settings.historyDays)
        _ = try openAndRead()
        return aside
    }

    private func closeDatabase() {
        // A failure to close has no consequence: the process is the only user of the connection, and its exit closes
        // it.
        try? database?.close()
        database = nil
        identity = nil
        damage = nil
    }

    func close() {
        closeDatabase()
        place.release()
    }
}

/// The parameters of a file.
struct ArchiveSettings: Sendable {
    let path: String
    let historyDays: Int
    /// How long a commit waits for another program that has locked the file before it fails.
    var busySecondsMax = 5.0
    /// Tests use it to make the file full.
    var pagesMax: Int?
    var migrator = Schema.migrator

    init(path: String, historyDays: Int) {
        self.path = path
        self.historyDays = historyDays
    }
}
