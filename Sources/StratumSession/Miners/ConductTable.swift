internal import StratumProtocol

/// Records of miners and addresses that outlast their connections: a miner does not lose its record by reconnecting,
/// under the same login or another one.
///
/// A table of fixed size, found by a keyed hash: each key has four places, and a new entry replaces the one that was
/// not touched for longest. Without records it uses no memory.
struct ConductTable {
    private static let ways = 4
    private static let sets = 4_096

    struct Entry: Equatable {
        /// 0 = vacant.
        var key: UInt64 = 0
        var touched = Instant(microseconds: 0)
        var record = MinerRecord()
    }

    private var entries: [Entry] = []
    /// Places that are not vacant, in the order in which they were taken.
    private var taken: [UInt32] = []

    var isEmpty: Bool { entries.isEmpty }

    /// The record of a key, for `Limits.recordLife`.
    func record(of key: UInt64, at now: Instant) -> MinerRecord? {
        guard !entries.isEmpty, let place = places(of: key).first(where: { entries[$0].key == key }),
            now < max(entries[place].touched, entries[place].record.quarantinedUntil) + Limits.recordLife
        else { return nil }
        return entries[place].record
    }

    mutating func remember(_ record: MinerRecord, of key: UInt64, at now: Instant) {
        if entries.isEmpty {
            guard !record.isBlank else { return }
            entries = Array(repeating: Entry(), count: ConductTable.ways * ConductTable.sets)
        }
        let places = places(of: key)
        let place =
            places.first { entries[$0].key == key } ?? places.min { entries[$0].touched < entries[$1].touched }
        guard let place else { return }
        if entries[place].key == 0 { taken.append(UInt32(place)) }
        entries[place] = Entry(key: key, touched: now, record: record)
    }

    /// A pool was left for its rejections: cancels their effect on all records (`MinerRecord.forgive`).
    mutating func forgive(since: Instant, at now: Instant) {
        for place in taken { _ = entries[Int(place)].record.forgive(since: since, at: now) }
    }

    private func places(of key: UInt64) -> Range<Int> {
        let first = Int(key >> 20) % ConductTable.sets * ConductTable.ways
        return first..<first + ConductTable.ways
    }
}

// MARK: - Coding

extension ConductTable {
    private static let entryBytes = 32

    func encode(to writer: inout BinaryWriter) {
        writer.integer(UInt32(taken.count))
        for place in taken {
            let entry = entries[Int(place)]
            writer.integer(place)
            writer.integer(entry.key)
            writer.integer(entry.touched.microseconds)
            entry.record.encode(to: &writer)
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let size = ConductTable.ways * ConductTable.sets
        let count = try reader.entryCount(max: size, bytesMin: ConductTable.entryBytes, "records")
        guard count > 0 else { return }
        entries = Array(repeating: Entry(), count: size)
        for _ in 0..<count {
            let place = Int(try reader.integer(in: 0...UInt32(size - 1), "records.place"))
            let key: UInt64 = try reader.integer()
            guard key != 0, entries[place].key == 0, places(of: key).contains(place) else {
                throw .badField("records.key")
            }
            taken.append(UInt32(place))
            entries[place] = Entry(
                key: key, touched: Instant(microseconds: try reader.integer()),
                record: try MinerRecord(decoding: &reader))
        }
    }
}

/// A keyed hash that identifies a miner or an address. Peers choose the bytes, and must not be able to make keys
/// collide.
struct ConductKey {
    private(set) var value: UInt64

    init(salt: UInt64) { value = salt ^ 0xcbf2_9ce4_8422_2325 }

    mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    /// Never 0, which marks a vacant entry.
    var finished: UInt64 {
        var generator = RandomNumbers(seed: value)
        return generator.next() | 1
    }
}
