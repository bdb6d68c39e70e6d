internal import FoundationEssentials
internal import GRDB
internal import Telemetry

/// The table `history`: minutes are added and merged into longer intervals with age. All methods run in the caller's
/// transaction.
struct HistoryTable {
    /// How long intervals of one length are kept.
    struct Tier: Equatable {
        /// Seconds.
        let step: UInt64
        let age: UInt64
        /// The step into which they are merged then; nil = they are deleted.
        let coarser: UInt64?
    }

    static let secondsPerDay: UInt64 = 86_400
    /// Rows read by one slice of thinning: about 20 ms. A backlog of a month of a large farm takes a few minutes.
    static let sliceRowsMax = 2_048

    /// Shortest step first, so that late additions pass through all tiers in one call.
    let tiers: [Tier]
    private let forgetAge: UInt64
    /// The time up to which each tier is done, so that the table is not searched every minute in vain.
    private var doneUpTo: [UInt64]

    /// - Parameter days: how long the history is kept.
    init(days: Int) {
        let kept = UInt64(max(1, days)) * HistoryTable.secondsPerDay
        forgetAge = kept
        let (day, twoWeeks) = (HistoryTable.secondsPerDay, 14 * HistoryTable.secondsPerDay)
        tiers = [
            Tier(step: 60, age: min(kept, day), coarser: kept > day ? 600 : nil),
            Tier(step: 600, age: min(kept, twoWeeks), coarser: kept > twoWeeks ? 3_600 : nil),
            Tier(step: 3_600, age: kept, coarser: nil),
        ]
        doneUpTo = [UInt64](repeating: 0, count: tiers.count)
    }

    // MARK: - Adding

    private struct RowKey: Hashable {
        let page: Int64
        let time: UInt64
    }

    /// - Parameter now: seconds since 1970; points that are too old to be kept are not written.
    func add(_ deltas: [HistoryDelta], at now: UInt64, to db: Database) throws {
        var rows: [RowKey: PointRow] = [:]
        for delta in deltas {
            guard let place = SeriesPlace(delta.series), delta.point.time + forgetAge > now else { continue }
            let counts = PointRow.Counts(
                accepted: delta.point.accepted, rejected: delta.point.rejected, invalid: delta.point.invalid,
                hashes: delta.point.hashes)
            let key = RowKey(page: place.page, time: delta.point.time / 60 * 60)
            rows[key, default: PointRow()].add(counts, to: place.slot)
        }
        for (key, row) in rows { try merge(row, step: 60, page: key.page, time: key.time, into: db) }
    }

    private func merge(_ row: PointRow, step: UInt64, page: Int64, time: UInt64, into db: Database) throws {
        let key: StatementArguments = [Int64(step), page, Int64(bitPattern: time)]
        let read = try db.cachedStatement(sql: "SELECT points FROM history WHERE step = ? AND page = ? AND time = ?")
        var row = row
        if let packed = try Data.fetchOne(read, arguments: key) { row.add(try PointRow(packed: packed)) }
        let write = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO history (step, page, time, points) VALUES (?, ?, ?, ?)")
        try write.execute(arguments: key + [Data(row.packed)])
    }

    // MARK: - Thinning

    /// Merges or deletes a limited number of rows that are too old for their tier.
    /// - Parameter now: seconds since 1970.
    /// - Returns: true when there is more to do.
    mutating func thin(at now: UInt64, in db: Database) throws -> Bool {
        var rowsLeft = HistoryTable.sliceRowsMax
        for (index, tier) in tiers.enumerated() {
            // Whole longer intervals only, so that each is written once.
            let unit = tier.coarser ?? tier.step
            let before = now < tier.age ? 0 : (now - tier.age) / unit * unit
            guard before > doneUpTo[index] else { continue }
            var page = try nextPage(from: .min, step: tier.step, in: db)
            while let current = page {
                rowsLeft -= try thin(tier, page: current, before: before, rowsMax: rowsLeft, in: db)
                guard rowsLeft > 0 else { return true }
                page = try nextPage(from: current + 1, step: tier.step, in: db)
            }
            doneUpTo[index] = before
        }
        return false
    }

    private func nextPage(from page: Int64, step: UInt64, in db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(
            sql: "SELECT page FROM history WHERE step = ? AND page >= ? ORDER BY page LIMIT 1")
        return try Int64.fetchOne(statement, arguments: [Int64(step), page])
    }

    /// - Returns: the number of rows removed.
    private func thin(_ tier: Tier, page: Int64, before: UInt64, rowsMax: Int, in db: Database) throws -> Int {
        let read = try db.cachedStatement(
            sql: "SELECT time, points FROM history WHERE step = ? AND page = ? AND time < ? ORDER BY time LIMIT ?")
        var merged: [UInt64: PointRow] = [:]
        var last: Int64?
        var count = 0
        let rows = try Row.fetchCursor(
            read, arguments: [Int64(tier.step), page, Int64(bitPattern: before), rowsMax])
        while let row = try rows.next() {
            let time: Int64 = try row.decode(atIndex: 0)
            last = time
            count += 1
            guard let coarser = tier.coarser else { continue }
            let packed: Data = try row.decode(atIndex: 1)
            merged[UInt64(bitPattern: time) / coarser * coarser, default: PointRow()].add(try PointRow(packed: packed))
        }
        guard let last else { return 0 }
        if let coarser = tier.coarser {
            for (time, row) in merged { try merge(row, step: coarser, page: page, time: time, into: db) }
        }
        let delete = try db.cachedStatement(sql: "DELETE FROM history WHERE step = ? AND page = ? AND time <= ?")
        try delete.execute(arguments: [Int64(tier.step), page, last])
        return count
    }
}
