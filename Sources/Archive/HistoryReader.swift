internal import FoundationEssentials
internal import GRDB
internal import Synchronization
public import Telemetry

/// Why the history cannot be read.
public enum HistoryFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The step is not a multiple of 60 seconds, or the range has more than `HistoryReader.pointsMax` steps.
    case badRange(String)
    /// The file does not exist or cannot be read.
    case unavailable(String)

    public var description: String {
        switch self {
        case .badRange(let text), .unavailable(let text): text
        }
    }
}

/// Reads the history while the collector writes it, without blocking the collector. A reader can be shared by threads,
/// which take turns.
///
/// Events are in the file after about a minute. One-minute intervals are kept for a day, ten-minute intervals for two
/// weeks, hours for the configured number of days. If only longer intervals than requested are stored, their sums are
/// distributed evenly, so that rates are right for every step.
public final class HistoryReader: Sendable {
    /// More than fit on a screen: a month of hours is 720, a day of minutes 1,440.
    public static let pointsMax: UInt64 = 20_000
    /// A reader waits for the collector only while it opens or closes the file.
    static let busySecondsMax = 1.0

    private let path: String
    private let connection = Mutex<Connection?>(nil)

    private struct Connection {
        let database: DatabaseQueue
        let identity: ArchivePlace.Identity
    }

    /// Opens no file yet: the file can be created, set aside and created again later.
    /// - Parameter path: `Settings.database`.
    public init(path: String) {
        self.path = path
    }

    /// The points of a series.
    /// - Parameters:
    ///   - from: seconds since 1970; the first interval is the one that contains it.
    ///   - to: seconds since 1970; all intervals begin before it.
    ///   - step: the length of an interval in seconds, a multiple of 60.
    /// - Returns: the points in ascending order, without intervals that have no activity. Times are multiples of
    ///   `step`.
    /// - Throws: `HistoryFailure`.
    public func points(
        of series: HistorySeries, from: UInt64, to: UInt64, step: UInt64
    ) throws -> [HistoryPoint] {
        guard step > 0, step % 60 == 0 else {
            throw HistoryFailure.badRange("the step must be a multiple of 60 seconds")
        }
        let first = from / step * step
        guard to > first else { return [] }
        guard (to - first) / step < HistoryReader.pointsMax else {
            throw HistoryFailure.badRange("more than \(HistoryReader.pointsMax) points; choose a longer step")
        }
        guard let place = SeriesPlace(series), to <= UInt64(Int64.max) else { return [] }
        var sums = StretchSums(from: first, to: to, step: step)
        try read { db in
            for stored in HistoryReader.storedSteps {
                // An earlier interval can reach into the first requested one.
                let earliest = first < stored ? 0 : first - stored + 1
                let statement = try db.cachedStatement(
                    sql: "SELECT time, points FROM history WHERE step = ? AND page = ? AND time >= ? AND time < ?")
                let rows = try Row.fetchCursor(
                    statement, arguments: [Int64(stored), place.page, earliest.column, to.column])
                while let row = try rows.next() {
                    let counts = try PointRow(packed: try row.decode(Data.self, atIndex: 1)).counts[place.slot]
                    if !counts.isZero { sums.add(counts, at: try row.unsigned(0), length: stored) }
                }
            }
        }
        return sums.points
    }

    /// The id of a worker.
    /// - Returns: `Snapshot.WorkerRow.id`; nil when the worker is not in the file.
    /// - Throws: `HistoryFailure`.
    public func workerID(named name: String) throws -> UInt32? {
        try read { db in
            let statement = try db.cachedStatement(sql: "SELECT id FROM worker WHERE name = ?")
            return try Int64.fetchOne(statement, arguments: [NameColumn.value(name)]).flatMap { UInt32(exactly: $0) }
        }
    }

    private static let storedSteps: [UInt64] = [60, 600, 3_600]

    // MARK: - Connection

    private func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do {
            return try opened().read(body)
        } catch let failure as HistoryFailure {
            throw failure
        } catch {
            throw HistoryFailure.unavailable("\(ArchiveFailure(error))")
        }
    }

    /// The connection to the file that is at the path now.
    private func opened() throws -> DatabaseQueue {
        guard let identity = ArchivePlace.Identity(path: path) else {
            throw HistoryFailure.unavailable("no such file: \(path)")
        }
        return try connection.withLock { connection in
            if let connection, connection.identity == identity { return connection.database }
            connection = nil
            var configuration = Configuration()
            configuration.label = "millrace.history"
            configuration.readonly = true
            configuration.busyMode = .timeout(HistoryReader.busySecondsMax)
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try database.read { db in try Schema.check(db, path: path) }
            connection = Connection(database: database, identity: identity)
            return database
        }
    }
}

/// Sums for intervals of one length.
private struct StretchSums {
    let from: UInt64
    let to: UInt64
    let step: UInt64
    private var sums: [UInt64: PointRow.Counts] = [:]

    init(from: UInt64, to: UInt64, step: UInt64) {
        self.from = from
        self.to = to
        self.step = step
    }

    /// Adds the counts of a stored interval. If it covers several requested intervals, its counts are distributed.
    mutating func add(_ counts: PointRow.Counts, at time: UInt64, length: UInt64) {
        // Both lengths are whole minutes, and a minute belongs to one interval only.
        let parts = length / 60
        var done = PointRow.Counts()
        for part in 1...parts {
            let minute = time + (part - 1) * 60
            let soFar = counts.share(part, of: parts)
            add(soFar.less(done), to: minute)
            done = soFar
        }
    }

    private mutating func add(_ counts: PointRow.Counts, to minute: UInt64) {
        let stretch = minute / step * step
        guard stretch >= from, stretch < to, !counts.isZero else { return }
        sums[stretch, default: PointRow.Counts()].add(counts)
    }

    var points: [HistoryPoint] {
        sums.sorted { $0.key < $1.key }.map { time, counts in
            HistoryPoint(
                time: time, accepted: counts.accepted, rejected: counts.rejected, invalid: counts.invalid,
                hashes: counts.hashes)
        }
    }
}

extension PointRow.Counts {
    /// `part / parts` of the counts, rounded down; all of them when `part` equals `parts`.
    fileprivate func share(_ part: UInt64, of parts: UInt64) -> PointRow.Counts {
        func share(_ value: UInt64) -> UInt64 {
            // `part` is at most `parts`, so the quotient fits.
            parts.dividingFullWidth(value.multipliedFullWidth(by: part)).quotient
        }
        return PointRow.Counts(
            accepted: share(accepted), rejected: share(rejected), invalid: share(invalid), hashes: share(hashes))
    }

    fileprivate func less(_ other: PointRow.Counts) -> PointRow.Counts {
        PointRow.Counts(
            accepted: accepted - other.accepted, rejected: rejected - other.rejected, invalid: invalid - other.invalid,
            hashes: hashes - other.hashes)
    }
}
