internal import GRDB
internal import Telemetry

/// The open file: everything that touches SQLite for writing. It is used by one thread at a time.
final class ArchiveFile {
    private var place: ArchivePlace
    private let settings: ArchiveSettings
    private var database: DatabaseQueue?
    private var identity: ArchivePlace.Identity?
    private var history: HistoryTable
    private var thinningIsDue = true
    private var setAsideCount = 0
    /// Damage that thinning has met; the next commit tells of it.
    private var damage: String?

    /// A WAL that once had to grow (somebody read for long) is cut to this when it begins anew.
    static let journalBytesMax = 16 * 1024 * 1024
    /// Damaged files that one process sets aside: behind so many it is the disk, and more files do not help.
    static let setAsideMax = 5

    init(_ settings: ArchiveSettings) {
        self.settings = settings
        place = ArchivePlace(path: settings.path)
        history = HistoryTable(days: settings.historyDays)
    }

    // MARK: - Opening

    /// Opens the file, made new or migrated where need be, and reads what it holds. A damaged one is set aside.
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
                // Before anything is changed in it, the way its journal is kept included.
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
            // It says that it is ours, and of our version, and lacks a table or column: somebody has been at it.
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
            // Of a damaged page only what is whole is used.
            try db.execute(sql: "PRAGMA cell_size_check = ON")
            if let pagesMax { try db.execute(sql: "PRAGMA max_page_count = \(pagesMax)") }
        }
        return configuration
    }

    private static func prepare(_ db: Database) throws {
        if case .nothing = try Schema.content(of: db) {
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
        }
        // Readers and the writer do not wait for each other, and a commit is one write and one sync, behind the old content.
        let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw ArchiveFailure.cannotOpen("its file system does not support SQLite's write-ahead log (WAL)")
        }
        // What is acknowledged to a shard is gone there: it must be on the disk, not on its way.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        try db.execute(sql: "PRAGMA journal_size_limit = \(journalBytesMax)")
    }

    /// The tables that the sums come from are looked through whole; the history, which may be large, when it is read.
    private static func checkPages(_ db: Database) throws {
        for table in ["service", "shard", "worker", "journal"] {
            let findings = try String.fetchAll(db, sql: "PRAGMA quick_check(\(table))")
            guard findings == ["ok"] else { throw UnreadableRow("table \(table): \(findings.first ?? "unreadable")") }
        }
    }

    // MARK: - Working

    /// - Parameter time: milliseconds since 1970, by the clock that decides what is old. It is stored; history that is too
    ///   old by it is not.
    func write(_ commit: Commit, at time: UInt64) throws(ArchiveFailure) {
        guard let database else { throw .cannotOpen("\(settings.path) is not open") }
        if let damage { throw .damaged(damage) }
        try checkIdentity()
        do {
            // GRDB begins it as one that will write, so that it is refused at once when it cannot.
            try database.write { db in try commit.write(to: db, history: history, at: time) }
        } catch {
            throw ArchiveFailure(error)
        }
        guard case .checkpoint = commit else { return }
        thinningIsDue = true
        // It leaves two megabytes of pages in the cache, of which the small commits need a dozen. What is committed stays so,
        // whatever comes of this.
        try? database.inDatabase { db in try db.execute(sql: "PRAGMA shrink_memory") }
    }

    /// SQLite would go on writing into a file that nobody will ever find.
    private func checkIdentity() throws(ArchiveFailure) {
        guard let found = place.identity else { throw .damaged("\(settings.path) was removed") }
        guard found == identity else {
            throw .cannotOpen("\(settings.path) was replaced by another file; restart the collector to use that")
        }
    }

    /// Makes old history coarser, a slice of it. Called between commits, when nobody waits.
    /// - Parameter time: milliseconds since 1970.
    func thin(at time: UInt64) {
        guard thinningIsDue, let database else { return }
        do {
            thinningIsDue = try database.write { db in try history.thin(at: time / 1_000, in: db) }
        } catch {
            // What it has noted as done was not committed.
            history = HistoryTable(days: settings.historyDays)
            if case .damaged(let reason) = ArchiveFailure(error) { damage = reason }
        }
    }

    // MARK: - Beginning anew

    /// Sets the file aside, and begins an empty one at its place.
    /// - Returns: where the old one is now; nil when it was gone.
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
        // A database that cannot be closed has been read or written by nobody else: it goes with the process.
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

/// What a file is opened with.
struct ArchiveSettings: Sendable {
    let path: String
    let historyDays: Int
    /// How long a commit waits for somebody who changes the file by hand, before it counts as failed.
    var busySecondsMax = 5.0
    /// Tests make the file "full" by it.
    var pagesMax: Int?
    var migrator = Schema.migrator

    init(path: String, historyDays: Int) {
        self.path = path
        self.historyDays = historyDays
    }
}
