/// Every worker seen, by name, in the order of first appearance.
///
/// A row costs at most about 1.6 kB: 64 bytes in the array, up to 256 of name (twice referenced, once stored) and 64 of
/// address with their headers, 64 in the index, and once it has had a share 170 of counters and up to 1,000 of hashrate
/// windows; of honest names and difficulties half of it.
///
/// Names come from miners, so a stranger may invent one with each login. A worker is proven by its first share that a pool
/// has accepted. Until then its row is one of a bounded number, in all and of its address, and is soon forgotten; where
/// there is no place for it, it counts with the others until it is proven.
struct WorkerTable: Sendable {
    /// Twenty times a large farm: 200,000 rows with shares take 90 MB, and then it ends.
    static let rowsMax = 200_000
    /// Workers that found no place share this row, so that the rows still sum up to the totals.
    static let othersName = "(others)"

    struct Limits: Sendable {
        var rows = WorkerTable.rowsMax
        /// Rows without an accepted share: 4 MB of `/1/workers`, and a tenth of what proven ones may have.
        var unproven = 20_000
        /// A large farm behind one address that comes for the first time.
        var unprovenOfAddress = 5_000
        /// Real shares are cheap at some pools: sixteen addresses, not one, can fill the table.
        var ofAddress = 12_500
    }

    private struct AddressCounts {
        var rows = 0
        var unproven = 0
    }

    private(set) var rows: [Row] = []
    private var indexes: [String: Int32] = [:]
    /// By the address that the worker came from last.
    private var addresses: [String: AddressCounts] = [:]
    private var unprovenCount = 0
    private(set) var nextID: UInt32 = 0
    /// Ids of rows that are gone since the last checkpoint.
    private var forgotten: [UInt32] = []
    /// What the rows took when they were shown last.
    private var packedBytes = 0
    private let limits: Limits

    init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The name under which a worker counts: that of the others is nobody's own.
    static func ownName(_ name: String) -> String { name == othersName ? "others" : name }

    /// The row of `name` for a miner that comes from `ip`: made if it is not there; that of the others where there is no
    /// place for it.
    /// - Parameter name: `ownName`
    mutating func index(of name: String, from ip: String = "") -> Int {
        if let index = indexes[name] { return Int(index) }
        let counts = addresses[ip] ?? AddressCounts()
        let hasPlace = unprovenCount < limits.unproven && counts.unproven < limits.unprovenOfAddress
        if hasPlace, let index = make(name, from: ip) { return index }
        if let index = indexes[WorkerTable.othersName] { return Int(index) }
        return append(WorkerTable.othersName, from: "")
    }

    /// The row of `name` for a share that a pool has accepted; nil where there is no place for it.
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

    /// Takes a row into the numbers that are limited, or out of them.
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

    // MARK: - Forgetting

    /// Drops the rows of workers that are not connected and were last seen before `time`.
    /// - Parameters:
    ///   - unproven: the same for those without an accepted share.
    ///   - kept: indexes of rows that stay in any case.
    /// - Returns: the new index of each old one, or `ShardMiners.noRow`; nil when all rows stay.
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
    init(restoring saved: [SavedWorker], nextID: UInt32, _ limits: Limits) throws(DecodingFailure) {
        self.init(limits)
        guard saved.count <= limits.rows else { throw .tooLong }
        rows.reserveCapacity(saved.count)
        for worker in saved.sorted(by: { $0.id < $1.id }) {
            // Ids and names are each one worker's.
            guard worker.id < nextID || nextID == .max, rows.last.map({ $0.id < worker.id }) ?? true,
                indexes.updateValue(Int32(rows.count), forKey: worker.name) == nil
            else { throw .invalidField }
            rows.append(try Row(restoring: worker))
            count(rows.count - 1, 1)
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
