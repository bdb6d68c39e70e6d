/// Every worker seen, by name, in the order of first appearance.
///
/// A row costs at most about 1.8 kB: 192 bytes in the array, up to 256 of name (twice referenced, once stored) and 64 of
/// address with their headers, 64 in the index, and 970 of hashrate windows once it has had a share.
struct WorkerTable: Sendable {
    /// Twenty times a large farm. Names come from miners, so somebody may invent one with each login: 200,000 rows
    /// without a share take 60 MB, with one 300 MB, and then it ends.
    static let rowsMax = 200_000
    /// Workers that found the table full share this row, so that the rows still sum up to the totals.
    static let othersName = "(others)"

    struct Row: Equatable, Sendable {
        /// Never given to another worker. Ids rise with the rows.
        let id: UInt32
        let name: String
        var ip = ""
        var connections: UInt32 = 0
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        var invalid: UInt64 = 0
        var hashes: UInt64 = 0
        var lastShareAt: UInt64 = 0
        /// The last login, share or logout.
        var lastSeenAt: UInt64 = 0
        var refusals = RefusalCounts<UInt32>()
        var window = HashrateWindow()
        /// Has changed since it was last saved.
        var isUnsaved = true
    }

    private(set) var rows: [Row] = []
    private var indexes: [String: Int32] = [:]
    private(set) var nextID: UInt32 = 0
    /// Ids of rows that are gone since the last checkpoint.
    private var forgotten: [UInt32] = []
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
        switch share.outcome {
        case .accepted, .local:
            rows[index].accepted &+= 1
            rows[index].hashes.add(saturating: share.creditedDifficulty)
            rows[index].lastShareAt = max(rows[index].lastShareAt, time)
            rows[index].window.add(share.creditedDifficulty, at: time)
        case .rejected:
            rows[index].rejected &+= 1
            rows[index].refusals.count(share.reason)
        case .invalid:
            rows[index].invalid &+= 1
            rows[index].refusals.count(share.reason)
        }
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

    fileprivate static let stateVersion: UInt8 = 1

    /// The rows that have changed since they were last saved; they count as saved now.
    mutating func takeUnsaved() -> [SavedWorker] {
        var result: [SavedWorker] = []
        for index in rows.indices where rows[index].isUnsaved {
            rows[index].isUnsaved = false
            result.append(WorkerTable.saved(rows[index]))
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

    private static func saved(_ row: Row) -> SavedWorker {
        var saved = SavedWorker(id: row.id, name: row.name, ip: row.ip)
        saved.accepted = row.accepted
        saved.rejected = row.rejected
        saved.invalid = row.invalid
        saved.hashes = row.hashes
        saved.lastShareAt = row.lastShareAt
        saved.lastSeenAt = row.lastSeenAt
        var writer = ByteWriter(capacity: 64)
        writer.integer(stateVersion)
        row.refusals.pack(to: &writer)
        row.window.pack(to: &writer)
        saved.state = writer.bytes
        return saved
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
    mutating func snapshotRows(at now: UInt64, servedSeconds: Double) -> [Snapshot.WorkerRow] {
        var result: [Snapshot.WorkerRow] = []
        result.reserveCapacity(rows.count)
        for index in rows.indices {
            var row = Snapshot.WorkerRow(name: rows[index].name, ip: rows[index].ip)
            row.connections = rows[index].connections
            row.accepted = rows[index].accepted
            row.rejected = rows[index].rejected
            row.invalid = rows[index].invalid
            row.hashes = rows[index].hashes
            // A clock that ran ahead and was set right must not leave a share in the future for ever.
            rows[index].lastShareAt = min(rows[index].lastShareAt, now)
            row.lastShareAt = rows[index].lastShareAt
            rows[index].lastSeenAt = min(rows[index].lastSeenAt, now)
            row.id = rows[index].id
            row.lastSeenAt = row.connections > 0 ? now : rows[index].lastSeenAt
            row.refusals = rows[index].refusals
            row.hashrates = rows[index].window.rates(at: now)
            row.hashrates.allTime = servedSeconds > 0 ? Double(row.hashes) / servedSeconds : 0
            result.append(row)
        }
        return result
    }
}

extension WorkerTable.Row {
    fileprivate init(restoring saved: SavedWorker) throws(DecodingFailure) {
        guard saved.name.utf8.count <= MinerJoined.workerBytesMax, saved.ip.utf8.count <= MinerJoined.ipBytesMax else {
            throw .tooLong
        }
        self.init(id: saved.id, name: saved.name, ip: saved.ip)
        accepted = saved.accepted
        rejected = saved.rejected
        invalid = saved.invalid
        hashes = saved.hashes
        lastShareAt = saved.lastShareAt
        lastSeenAt = saved.lastSeenAt
        var reader = ByteReader(saved.state)
        try reader.version(WorkerTable.stateVersion)
        refusals = try RefusalCounts(unpacking: &reader)
        window = try HashrateWindow(unpacking: &reader)
        try reader.finish()
        isUnsaved = false
    }
}
