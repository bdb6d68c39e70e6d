internal import Telemetry

/// All connected miners, as the collector's stream tells of them.
///
/// The rows lie as they are shown, so that showing them copies no more than the array. A miner that comes stands at the
/// end, where its key belongs most of the time, and one that leaves keeps its place until the rows are taken.
struct MinerTable {
    /// More miners than a machine has ports for: what comes beyond is not from a collector.
    static let minersMax = 1_000_000

    /// Rows of miners that left are not taken out before there are so many, and as many as others.
    private static let goneMin = 1_024

    private var rows: [MinerRow] = []
    /// Where in `rows` a miner stands that is there.
    private var places: [MinerKey: Int32] = [:]
    private var isInOrder = true
    /// Whether `rows` would be others than the last time.
    private(set) var hasChanged = false

    var count: Int { places.count }

    subscript(key: MinerKey) -> KnownMiner? {
        places[key].map { rows[Int($0)].known }
    }

    mutating func joined(_ miner: KnownMiner) {
        let key = miner.key
        if let place = places[key] {
            // Told again of a miner that is known, its numbers stay.
            rows[Int(place)].known = miner
        } else {
            guard count < MinerTable.minersMax else { return }
            if rows.count > 2 * count + MinerTable.goneMin { tidy() }
            if let last = rows.last, last.id >= key { isInOrder = false }
            places[key] = Int32(rows.count)
            rows.append(MinerRow(miner))
        }
        hasChanged = true
    }

    /// Returns who it was.
    mutating func left(_ key: MinerKey) -> KnownMiner? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        hasChanged = true
        return rows[Int(place)].known
    }

    /// Exactly these live, whatever was known.
    mutating func replace(with miners: [MinerJoined], _ pool: inout MinerTexts.Pool) {
        let old = self
        self = MinerTable()
        for miner in miners {
            let row = old.places[miner.key].map { old.rows[Int($0)] }
            joined(row.flatMap { $0.miner == miner ? $0.known : nil } ?? KnownMiner(miner, &pool))
            if let gauge = row?.gauge { take([gauge]) }
        }
        hasChanged = true
    }

    /// Numbers of miners that are not known are of no use: they have left.
    mutating func take(_ gauges: [MinerGauge]) {
        for gauge in gauges {
            guard let place = places[gauge.key].map(Int.init), rows[place].gauge != gauge else { continue }
            rows[place].gauge = gauge
            hasChanged = true
        }
    }

    /// In the order of their ids.
    mutating func takeRows() -> [MinerRow] {
        hasChanged = false
        tidy()
        return rows
    }

    /// Takes out those who left, and puts the others in order.
    private mutating func tidy() {
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
