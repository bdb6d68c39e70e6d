internal import Telemetry

/// All connected miners, as the collector's stream tells of them.
struct MinerTable {
    /// More miners than a machine has ports for: what comes beyond is not from a collector.
    static let minersMax = 1_000_000

    private struct Entry {
        var miner: KnownMiner
        var gauge: MinerGauge
    }

    private var entries: [MinerKey: Entry] = [:]
    /// Whether `rows` would be others than the last time.
    private(set) var hasChanged = false

    var count: Int { entries.count }

    subscript(key: MinerKey) -> KnownMiner? { entries[key]?.miner }

    mutating func joined(_ miner: KnownMiner) {
        let key = miner.joined.key
        guard entries.count < MinerTable.minersMax || entries[key] != nil else { return }
        // Told again of a miner that is known, its numbers stay.
        let gauge =
            entries[key]?.gauge ?? MinerGauge(key: key, sentBytes: 0, receivedBytes: 0, difficulty: 0)
        entries[key] = Entry(miner: miner, gauge: gauge)
        hasChanged = true
    }

    /// Returns who it was.
    mutating func left(_ key: MinerKey) -> KnownMiner? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        hasChanged = true
        return entry.miner
    }

    /// Exactly these live, whatever was known.
    mutating func replace(with miners: [MinerJoined]) {
        let old = entries
        entries = [:]
        for miner in miners {
            joined(old[miner.key].flatMap { $0.miner.joined == miner ? $0.miner : nil } ?? KnownMiner(miner))
            if let gauge = old[miner.key]?.gauge { entries[miner.key]?.gauge = gauge }
        }
        hasChanged = true
    }

    /// Numbers of miners that are not known are of no use: they have left.
    mutating func take(_ gauges: [MinerGauge]) {
        for gauge in gauges {
            guard let index = entries.index(forKey: gauge.key), entries.values[index].gauge != gauge else { continue }
            entries.values[index].gauge = gauge
            hasChanged = true
        }
    }

    /// In the order of their ids.
    mutating func takeRows() -> [MinerRow] {
        hasChanged = false
        var rows = entries.values.map {
            MinerRow(
                miner: $0.miner.joined, sentBytes: $0.gauge.sentBytes, receivedBytes: $0.gauge.receivedBytes,
                difficulty: $0.gauge.difficulty)
        }
        rows.sort { $0.id < $1.id }
        return rows
    }
}
