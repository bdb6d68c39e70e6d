/// Every worker seen, by name, in the order of first appearance.
///
/// A row costs at most about 1.6 kB: 64 bytes in the array, up to 256 of name (twice referenced, once stored) and 64 of
/// address with their headers, 64 in the index, and once it has had a share 170 of counters and up to 1,000 of hashrate
/// windows; of honest names and difficulties half of it.
struct WorkerTable: Sendable {
    /// Twenty times a large farm. Names come from miners, so somebody may invent one with each login: 200,000 rows
    /// without a share take 30 MB, with one 90 MB, and then it ends.
    static let rowsMax = 200_000
    /// Workers that found the table full share this row, so that the rows still sum up to the totals.
    static let othersName = "(others)"

    private(set) var rows: [Row] = []
    private var indexes: [String: Int32] = [:]
    private(set) var nextID: UInt32 = 0
    /// Ids of rows that are gone since the last checkpoint.
    private var forgotten: [UInt32] = []
    /// What the rows took when they were shown last.
    private var packedBytes = 0
    private let rowsMax: Int

    init(rowsMax: Int = WorkerTable.rowsMax) {
        self.rowsMax = rowsMax
    }

    /// The row of `name`, made if it is not there.
    mutating func index(of name: String) -> Int {
        if let index = indexes[name] { return Int(index) }
        let isFull = rows.count >= rowsMax - 1 || nextID == .max
        if isFull, name != WorkerTable.othersName { return index(of: WorkerTable.othersName) }
        let index = rows.count
        rows.append(Row(id: nextID, name: name))
        indexes[name] = Int32(index)
        nextID = nextID == .max ? .max : nextID + 1
        return index
    }

    /// The row with this id. (They stand in the order of their ids.)
    func index(id: UInt32) -> Int? {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = low + (high - low) / 2
            if rows[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].id == id ? low : nil
    }

    // MARK: - What happens to a worker

    mutating func joined(_ index: Int) {
        rows[index].connections &+= 1
    }

    /// - Parameter time: milliseconds since 1970; so in all of these.
    mutating func left(_ index: Int, at time: UInt64) {
        guard rows[index].connections > 0 else { return }
        rows[index].connections -= 1
        see(index, at: time)
    }

    mutating func came(_ index: Int, from ip: String, at time: UInt64) {
        rows[index].ip = ip
        see(index, at: time)
    }

    private mutating func see(_ index: Int, at time: UInt64) {
        rows[index].lastSeenAt = max(rows[index].lastSeenAt, time)
        rows[index].isUnsaved = true
    }

    /// - Parameter time: not in the future.
    mutating func settle(_ share: ShareSettled, _ index: Int, at time: UInt64) {
        see(index, at: time)
        rows[index].settle(share, at: time)
    }

    // MARK: - Forgetting

    /// Drops the rows of workers that are not connected and were last seen before `time`.
    /// - Parameter kept: indexes of rows that stay in any case.
    /// - Returns: the new index of each old one, or `ShardMiners.noRow`; nil when all rows stay.
    mutating func forget(unseenSince time: UInt64, except kept: Set<Int32>) -> [Int32]? {
        let gone = rows.indices.filter {
            rows[$0].connections == 0 && rows[$0].lastSeenAt < time && !kept.contains(Int32($0))
        }
        guard !gone.isEmpty else { return nil }
        for index in gone {
            forgotten.append(rows[index].id)
            indexes[rows[index].name] = nil
        }
        var moved = [Int32](repeating: ShardMiners.noRow, count: rows.count)
        var left: [Row] = []
        var nextGone = 0
        for index in rows.indices {
            if nextGone < gone.count, gone[nextGone] == index {
                nextGone += 1
                continue
            }
            moved[index] = Int32(left.count)
            indexes[rows[index].name] = Int32(left.count)
            left.append(rows[index])
        }
        rows = left
        return moved
    }

    // MARK: - Saved form

    /// The rows that have changed since they were last saved; they count as saved now.
    mutating func takeUnsaved() -> [SavedWorker] {
        var result: [SavedWorker] = []
        for index in rows.indices where rows[index].isUnsaved {
            rows[index].isUnsaved = false
            result.append(rows[index].saved())
        }
        return result
    }

    mutating func takeForgotten() -> [UInt32] {
        defer { forgotten = [] }
        return forgotten
    }

    /// What was taken was not stored after all.
    mutating func putBack(_ saved: [SavedWorker], forgotten: [UInt32]) {
        for worker in saved {
            if let index = index(id: worker.id) { rows[index].isUnsaved = true }
        }
        self.forgotten.insert(contentsOf: forgotten, at: 0)
    }

    mutating func markAllUnsaved() {
        for index in rows.indices { rows[index].isUnsaved = true }
    }

    /// - Parameter saved: in any order.
    init(restoring saved: [SavedWorker], nextID: UInt32, rowsMax: Int) throws(DecodingFailure) {
        self.init(rowsMax: rowsMax)
        guard saved.count <= rowsMax else { throw .tooLong }
        rows.reserveCapacity(saved.count)
        for worker in saved.sorted(by: { $0.id < $1.id }) {
            // Ids and names are each one worker's.
            guard worker.id < nextID || nextID == .max, rows.last.map({ $0.id < worker.id }) ?? true,
                indexes.updateValue(Int32(rows.count), forKey: worker.name) == nil
            else { throw .invalidField }
            rows.append(try Row(restoring: worker))
        }
        self.nextID = nextID
    }

    // MARK: - Snapshot

    /// The rows as the API shows them.
    mutating func snapshotRows(at now: UInt64, servedSeconds: Double) -> Snapshot.PackedRows {
        var packed = Snapshot.PackedRows()
        packed.reserve(byteCount: packedBytes + packedBytes / 8)
        for index in rows.indices { packed.append(rows[index].shown(at: now, servedSeconds: servedSeconds)) }
        packedBytes = packed.byteCount
        return packed
    }
}
