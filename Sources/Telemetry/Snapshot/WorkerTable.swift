/// The known workers by name, in the order of first appearance.
///
/// A row costs at most about 1.6 kB: 64 bytes in the array; up to 256 for the name (referenced twice, stored once) and
/// 64 for the address, with their headers; 64 in the index; and after its first share 170 for counters and up to 1,000
/// for hashrate windows. With typical names and difficulties it costs half of that.
///
/// Names come from miners, so an attacker can invent one with each login. A worker is proven by its first share that a
/// pool accepted. Until then its row is one of a limited number, in total and per address, and is soon removed. When
/// the limit is reached, the miner counts in the shared row until it is proven.
struct WorkerTable: Sendable {
    /// Twenty times a large farm. 200,000 rows with shares use 90 MB.
    static let rowsMax = 200_000
    /// Workers without a row of their own share this row, so that the rows still add up to the totals.
    static let othersName = "(others)"

    struct Limits: Sendable {
        var rows = WorkerTable.rowsMax
        /// Rows without an accepted share: 4 MB of `/1/workers`, and a tenth of the limit for all rows.
        var unproven = 20_000
        /// A large new farm behind one address.
        var unprovenOfAddress = 5_000
        /// Real shares are cheap at some pools: to fill the table takes sixteen addresses.
        var ofAddress = 12_500
    }

    private struct AddressCounts {
        var rows = 0
        var unproven = 0
    }

    private(set) var rows: [Row] = []
    private var indexes: [String: Int32] = [:]
    /// By the last address of the worker.
    private var addresses: [String: AddressCounts] = [:]
    private var unprovenCount = 0
    private(set) var nextID: UInt32 = 0
    /// Ids of rows removed since the last checkpoint.
    private var forgotten: [UInt32] = []
    /// The size of the encoded rows in the last snapshot.
    private var packedBytes = 0
    private let limits: Limits

    init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The name under which a worker counts. No worker can use the name of the shared row.
    static func ownName(_ name: String) -> String { name == othersName ? "others" : name }

    /// The row of `name` for a miner from `ip`. Creates the row if it is missing, or returns the shared row if a limit
    /// is reached.
    /// - Parameter name: `ownName`
    mutating func index(of name: String, from ip: String = "") -> Int {
        if let index = indexes[name] { return Int(index) }
        let counts = addresses[ip] ?? AddressCounts()
        let hasPlace = unprovenCount < limits.unproven && counts.unproven < limits.unprovenOfAddress
        if hasPlace, let index = make(name, from: ip) { return index }
        if let index = indexes[WorkerTable.othersName] { return Int(index) }
        return append(WorkerTable.othersName, from: "")
    }

    /// The row of `name` for a share that a pool has accepted; nil if a limit is reached.
    mutating func provenIndex(of name: String, from ip: String) -> Int? {
        indexes[name].map { Int($0) } ?? make(name, from: ip)
    }

    private mutating func make(_ name: String, from ip: String) -> Int? {
        let isFull = rows.count >= limits.rows - 1 || nextID == .max
        guard !isFull, addresses[ip]?.rows ?? 0 < limits.ofAddress else { return nil }
        return append(name, from: ip)
    }

    private mutating func append(_ name: String, from ip: String) -> Int {
        let index = rows.count
        rows.append(Row(id: nextID, name: name))
        rows[index].ip = ip
        indexes[name] = Int32(index)
        nextID = nextID == .max ? .max : nextID + 1
        count(index, 1)
        return index
    }

    /// Adds a row to the limited counts, or removes it.
    private mutating func count(_ index: Int, _ change: Int) {
        let row = rows[index]
        guard row.name != WorkerTable.othersName else { return }
        var counts = addresses[row.ip] ?? AddressCounts()
        counts.rows += change
        if !row.isProven {
            counts.unproven += change
            unprovenCount += change
        }
        addresses[row.ip] = counts.rows > 0 ? counts : nil
    }

    /// The index of the row with this id. (Rows are in the order of their ids.)
    func index(id: UInt32) -> Int? {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = low + (high - low) / 2
            if rows[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].id == id ? low : nil
    }

    // MARK: - Events of a worker

    mutating func joined(_ index: Int) {
        rows[index].connections &+= 1
    }

    /// - Parameter time: milliseconds since 1970, as in the functions below.
    mutating func left(_ index: Int, at time: UInt64) {
        guard rows[index].connections > 0 else { return }
        rows[index].connections -= 1
        see(index, at: time)
    }

    mutating func came(_ index: Int, from ip: String, at time: UInt64) {
        if rows[index].ip != ip {
            count(index, -1)
            rows[index].ip = ip
            count(index, 1)
        }
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
        guard !rows[index].isProven, share.outcome == .accepted else { return }
        count(index, -1)
        rows[index].isProven = true
        count(index, 1)
    }

    // MARK: - Removing

    /// Removes the rows of workers that are not connected and were last seen before `time`.
    /// - Parameters:
    ///   - unproven: the same for workers without an accepted share.
    ///   - kept: indices of rows that stay in any case.
    /// - Returns: the new index of each old row, or `ShardMiners.noRow`; nil when all rows stay.
    mutating func forget(unseenSince time: UInt64, unproven: UInt64, except kept: Set<Int32>) -> [Int32]? {
        let gone = rows.indices.filter {
            let before = rows[$0].isProven ? time : max(time, unproven)
            return rows[$0].connections == 0 && rows[$0].lastSeenAt < before && !kept.contains(Int32($0))
        }
        guard !gone.isEmpty else { return nil }
        for index in gone {
            count(index, -1)
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

    // MARK: - Coding

    /// Returns the rows that have changed since they were last saved and marks them as saved.
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

    /// Called when the taken rows were not stored.
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
    init(restoring saved: [SavedWorker], nextID: UInt32, _ limits: Limits) throws(DecodingFailure) {
        self.init(limits)
        guard saved.count <= limits.rows else { throw .tooLong }
        rows.reserveCapacity(saved.count)
        for worker in saved.sorted(by: { $0.id < $1.id }) {
            // Ids and names are unique.
            guard worker.id < nextID || nextID == .max, rows.last.map({ $0.id < worker.id }) ?? true,
                indexes.updateValue(Int32(rows.count), forKey: worker.name) == nil
            else { throw .invalidField }
            rows.append(try Row(restoring: worker))
            count(rows.count - 1, 1)
        }
        self.nextID = nextID
    }

    // MARK: - Snapshot

    /// The rows as shown by the API.
    mutating func snapshotRows(at now: UInt64, servedSeconds: Double) -> Snapshot.PackedRows {
        var packed = Snapshot.PackedRows()
        packed.reserve(byteCount: packedBytes + packedBytes / 8)
        for index in rows.indices { packed.append(rows[index].shown(at: now, servedSeconds: servedSeconds)) }
        packedBytes = packed.byteCount
        return packed
    }
}
