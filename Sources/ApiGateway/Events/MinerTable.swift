internal import ApiDocuments
internal import Telemetry

/// All connected miners, by the collector's stream.
///
/// The rows are stored in the form in which they are shown, so that showing them copies only the array. A new miner is
/// appended, where its key mostly belongs; a miner that disconnects keeps its place until `currentRows` is called.
struct MinerTable {
    /// More miners than a machine has ports for: a collector never sends more.
    static let minersMax = 1_000_000

    /// Rows of disconnected miners are removed when there are more than this, and more than of connected ones.
    private static let removedMin = 1_024

    private var rows: [MinerRow] = []
    /// The index in `rows` of each connected miner.
    private var places: [MinerKey: Int32] = [:]
    private var isInOrder = true
    /// Whether the rows have changed since the last `currentRows`.
    private(set) var hasChanged = false

    var count: Int { places.count }

    /// nil if it is not connected.
    subscript(key: MinerKey) -> KnownMiner? {
        places[key].map { rows[Int($0)].known }
    }

    /// A miner has logged in.
    mutating func joined(_ miner: KnownMiner) {
        let key = miner.key
        if let place = places[key] {
            // Reported again: its numbers are kept.
            rows[Int(place)].known = miner
        } else {
            guard count < MinerTable.minersMax else { return }
            if rows.count > 2 * count + MinerTable.removedMin { compact() }
            if let last = rows.last, last.id >= key { isInOrder = false }
            places[key] = Int32(rows.count)
            rows.append(MinerRow(miner))
        }
        hasChanged = true
    }

    /// A miner has disconnected.
    /// - Returns: nil if it was not in the table.
    mutating func left(_ key: MinerKey) -> KnownMiner? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        hasChanged = true
        return rows[Int(place)].known
    }

    /// Exactly these miners are connected.
    mutating func replace(with miners: [MinerJoined], _ pool: inout MinerTexts.Pool) {
        let old = self
        self = MinerTable()
        for miner in miners {
            let row = old.places[miner.key].map { old.rows[Int($0)] }
            joined(row.flatMap { $0.miner == miner ? $0.known : nil } ?? KnownMiner(miner, &pool))
            if let gauge = row?.gauge { update([gauge]) }
        }
        hasChanged = true
    }

    /// Updates the numbers of miners. Miners that are not in the table have disconnected, and are skipped.
    mutating func update(_ gauges: [MinerGauge]) {
        for gauge in gauges {
            guard let place = places[gauge.key].map(Int.init), rows[place].gauge != gauge else { continue }
            rows[place].gauge = gauge
            hasChanged = true
        }
    }

    /// The rows in the order of their ids. Resets `hasChanged`.
    mutating func currentRows() -> [MinerRow] {
        hasChanged = false
        compact()
        return rows
    }

    /// Removes disconnected miners, and sorts the others.
    private mutating func compact() {
        guard rows.count > places.count || !isInOrder else { return }
        var kept: [MinerRow] = []
        kept.reserveCapacity(places.count)
        for (place, row) in rows.enumerated() where places[row.id] == Int32(place) { kept.append(row) }
        if !isInOrder { kept.sort { $0.id < $1.id } }
        rows = kept
        isInOrder = true
        for (place, row) in rows.enumerated() { places[row.id] = Int32(place) }
    }
}
