/// Every worker seen, by name, in the order of first appearance.
///
/// A row costs at most about 1.7 kB: 120 bytes in the array, up to 256 of name (twice referenced, once stored) and 64 of
/// address with their headers, 64 in the index, and 970 of hashrate windows once it has had a share.
struct WorkerTable: Sendable {
    /// Twenty times a large farm. Names come from miners, so somebody may invent one with each login: 200,000 rows
    /// without a share take 60 MB, with one 300 MB, and then it ends.
    static let rowsMax = 200_000
    /// Workers that found the table full share this row, so that the rows still sum up to the totals.
    static let othersName = "(others)"

    struct Row: Equatable, Sendable {
        let name: String
        var ip: String
        var connections: UInt32 = 0
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        var invalid: UInt64 = 0
        var hashes: UInt64 = 0
        var lastShareAt: UInt64 = 0
        var window = HashrateWindow()
    }

    private(set) var rows: [Row] = []
    private var indexes: [String: Int32] = [:]
    private let rowsMax: Int

    init(rowsMax: Int = WorkerTable.rowsMax) {
        self.rowsMax = rowsMax
    }

    /// The row of `name`, made if it is not there.
    mutating func index(of name: String) -> Int {
        if let index = indexes[name] { return Int(index) }
        if rows.count >= rowsMax - 1, name != WorkerTable.othersName { return index(of: WorkerTable.othersName) }
        let index = rows.count
        rows.append(Row(name: name, ip: ""))
        indexes[name] = Int32(index)
        return index
    }

    mutating func joined(_ index: Int) {
        rows[index].connections &+= 1
    }

    mutating func left(_ index: Int) {
        guard rows[index].connections > 0 else { return }
        rows[index].connections -= 1
    }

    mutating func came(_ index: Int, from ip: String) {
        rows[index].ip = ip
    }

    /// - Parameter time: milliseconds since 1970, not in the future.
    mutating func settle(_ share: ShareSettled, _ index: Int, at time: UInt64) {
        switch share.outcome {
        case .accepted, .local:
            rows[index].accepted &+= 1
            rows[index].hashes.add(saturating: share.creditedDifficulty)
            rows[index].lastShareAt = max(rows[index].lastShareAt, time)
            rows[index].window.add(share.creditedDifficulty, at: time)
        case .rejected: rows[index].rejected &+= 1
        case .invalid: rows[index].invalid &+= 1
        }
    }

    /// The rows as the API shows them.
    mutating func snapshotRows(at now: UInt64, uptimeSeconds: Double) -> [Snapshot.WorkerRow] {
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
            row.hashrates = rows[index].window.rates(at: now)
            row.hashrates.allTime = uptimeSeconds > 0 ? Double(row.hashes) / uptimeSeconds : 0
            result.append(row)
        }
        return result
    }
}
