internal import FoundationEssentials
internal import GRDB
internal import Telemetry

// How the values of `SavedState` stand in columns.

extension UInt64 {
    /// SQLite's integers have a sign; the bits are ours.
    var column: Int64 { Int64(bitPattern: self) }
}

extension Row {
    func unsigned(_ index: Int) throws -> UInt64 { UInt64(bitPattern: try decode(Int64.self, atIndex: index)) }

    func bytes(_ index: Int) throws -> [UInt8] { [UInt8](try decode(Data.self, atIndex: index)) }

    /// Six columns from `index` on.
    func counters(_ index: Int) throws -> ShareCounters {
        var counters = ShareCounters()
        counters.accepted = try unsigned(index)
        counters.rejected = try unsigned(index + 1)
        counters.invalid = try unsigned(index + 2)
        counters.expired = try unsigned(index + 3)
        counters.hashesTotal = try unsigned(index + 4)
        counters.joined = try unsigned(index + 5)
        return counters
    }
}

extension ShareCounters {
    /// In the order of the columns.
    var columns: [Int64] {
        [accepted, rejected, invalid, expired, hashesTotal, joined].map(\.column)
    }
}

/// A text that a miner chose. SQLite's texts end at the first zero character; one that holds such a character is stored
/// as bytes, so that no two names become one.
enum NameColumn {
    static func value(_ name: String) -> DatabaseValue {
        name.utf8.contains(0) ? Data(name.utf8).databaseValue : name.databaseValue
    }

    static func name(_ value: DatabaseValue) throws -> String {
        switch value.storage {
        case .string(let text): return text
        case .blob(let data):
            guard let text = String(validating: data, as: UTF8.self) else { throw UnreadableRow("a worker's name") }
            return text
        case .null, .int64, .double: throw UnreadableRow("a worker's name")
        }
    }
}

/// What a row of `service` or `shard` said at the last checkpoint: its columns go on with each commit, the journal
/// starts from here. Fixed fields of eight bytes, little-endian.
struct Base {
    var counters = ShareCounters()
    var position: SavedShard.Position?
    var eventsLost: UInt64 = 0
    var eventsReplayed: UInt64 = 0

    /// Six counters, lost, replayed; behind them the position, if there is one: epoch (high, low), next.
    private static let fieldCount = 8
    private static let fieldCountWithPosition = 11

    init() {}

    init(_ shard: SavedShard) {
        counters = shard.counters
        position = shard.position
        eventsLost = shard.eventsLost
        eventsReplayed = shard.eventsReplayed
    }

    var data: Data {
        var fields = counters.columns.map(UInt64.init(bitPattern:)) + [eventsLost, eventsReplayed]
        if let position { fields += [position.epoch.high, position.epoch.low, position.next] }
        return Base.data(fields)
    }

    init(_ bytes: [UInt8]) throws(UnreadableRow) {
        let fields = Base.fields(bytes)
        guard bytes.count % 8 == 0, [Base.fieldCount, Base.fieldCountWithPosition].contains(fields.count) else {
            throw UnreadableRow("the base of a row")
        }
        counters.accepted = fields[0]
        counters.rejected = fields[1]
        counters.invalid = fields[2]
        counters.expired = fields[3]
        counters.hashesTotal = fields[4]
        counters.joined = fields[5]
        eventsLost = fields[6]
        eventsReplayed = fields[7]
        if fields.count == Base.fieldCountWithPosition {
            position = SavedShard.Position(epoch: Epoch(high: fields[8], low: fields[9]), next: fields[10])
        }
    }

    // MARK: - Fields of eight bytes

    static func data(_ fields: [UInt64]) -> Data {
        var data = Data(capacity: fields.count * 8)
        for field in fields { withUnsafeBytes(of: field.littleEndian) { data.append(contentsOf: $0) } }
        return data
    }

    private static func fields(_ bytes: [UInt8]) -> [UInt64] {
        bytes.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
    }

    static func epoch(_ bytes: [UInt8]) throws(UnreadableRow) -> Epoch {
        let fields = fields(bytes)
        guard bytes.count == 16 else { throw UnreadableRow("a shard's epoch") }
        return Epoch(high: fields[0], low: fields[1])
    }
}
