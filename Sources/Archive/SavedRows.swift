internal import FoundationEssentials
internal import GRDB
internal import Telemetry

// How the values of `SavedState` stand in columns.

extension UInt64 {
    /// SQLite's integers have a sign; the bits are ours.
    var column: Int64 { Int64(bitPattern: self) }
}

extension Row {
    /// Strictly: SQLite would make a number of anything.
    func unsigned(_ index: Int) throws -> UInt64 {
        guard case .int64(let number) = try decode(DatabaseValue.self, atIndex: index).storage else {
            throw UnreadableRow("a number in a row")
        }
        return UInt64(bitPattern: number)
    }

    func bytes(_ index: Int) throws -> [UInt8] {
        guard case .blob(let data) = try decode(DatabaseValue.self, atIndex: index).storage else {
            throw UnreadableRow("a blob in a row")
        }
        return [UInt8](data)
    }

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

/// An epoch as a column: its two halves, little-endian.
enum EpochColumn {
    static func value(_ epoch: Epoch) -> Data {
        var data = Data(capacity: 16)
        for half in [epoch.high, epoch.low] {
            withUnsafeBytes(of: half.littleEndian) { data.append(contentsOf: $0) }
        }
        return data
    }

    static func epoch(_ data: Data) throws(UnreadableRow) -> Epoch {
        guard data.count == 16 else { throw UnreadableRow("a shard's epoch") }
        let halves = data.withUnsafeBytes { raw in
            [0, 8].map { UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
        }
        return Epoch(high: halves[0], low: halves[1])
    }
}
