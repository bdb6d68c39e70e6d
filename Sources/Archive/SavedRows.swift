internal import FoundationEssentials
internal import GRDB
internal import Telemetry

// The representation of saved values (SavedState.swift of Telemetry) in columns.

extension UInt64 {
    /// SQLite integers are signed; the bit pattern is kept.
    var column: Int64 { Int64(bitPattern: self) }
}

extension Row {
    /// Strict: SQLite would convert other types to numbers.
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

    /// Reads six columns from `index` on.
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

/// A text chosen by a miner. SQLite texts end at the first NUL. A name that contains one is stored as a blob, so that
/// different names stay different.
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

/// An epoch in a column: its two halves, little-endian.
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
