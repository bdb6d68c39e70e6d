// The rows of the workers table. Of ten thousand rows few are displayed each second, and most values are zero. So the
// rows are encoded once, without the zeros, and decoded only where they are displayed.

extension Snapshot {
    /// Encoded rows of workers: 40 bytes for a worker without a share, 100 for one that mines.
    public struct PackedRows: Equatable, Sendable {
        /// The rows end at the end of the bytes.
        private var bytes: [UInt8] = []
        private var start = 0
        public private(set) var count = 0

        public init() {}

        init(_ rows: [WorkerRow]) {
            for row in rows { append(row) }
        }

        mutating func reserve(byteCount: Int) {
            bytes.reserveCapacity(byteCount)
        }

        mutating func append(_ row: WorkerRow) {
            withUnsafeTemporaryAllocation(byteCount: WorkerRow.bytesMax, alignment: 8) { buffer in
                var writer = RecordWriter(buffer)
                row.encode(to: &writer)
                bytes.append(contentsOf: writer.written)
            }
            count += 1
        }

        var byteCount: Int { MemoryLayout<UInt32>.size + bytes.count - start }

        func encode(to writer: inout ByteWriter) {
            writer.integer(UInt32(count))
            writer.append(bytes[start...])
        }

        /// The rows are the end of the message, whose bytes are kept. Each row is decoded once here, so that decoding
        /// it later cannot fail.
        init(from reader: inout ByteReader) throws(DecodingFailure) {
            count = Int(try reader.integer(UInt32.self))
            guard count <= WorkerTable.rowsMax else { throw .tooLong }
            start = reader.offset
            bytes = reader.bytes
            for _ in 0..<count {
                guard try WorkerRow(from: &reader).hashrates.areNumbers else { throw .invalidField }
            }
        }

        public static func == (one: Self, other: Self) -> Bool {
            one.count == other.count && one.bytes[one.start...] == other.bytes[other.start...]
        }
    }
}

extension Snapshot.PackedRows: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate var reader: ByteReader

        public mutating func next() -> Snapshot.WorkerRow? {
            guard reader.remaining > 0 else { return nil }
            guard let row = try? Snapshot.WorkerRow(from: &reader) else {
                preconditionFailure("a row that was read before")
            }
            return row
        }
    }

    public func makeIterator() -> Iterator { Iterator(reader: ByteReader(bytes, from: start)) }

    public var underestimatedCount: Int { count }
}

// MARK: - One row

extension Snapshot.WorkerRow {
    /// The longest row: all numbers present, with their maximum values.
    fileprivate static let bytesMax =
        2 + MinerJoined.workerBytesMax + 2 + MinerJoined.ipBytesMax + 5 + 4 + 7 * 10 + RefusalCounts<UInt32>.count * 5
        + 6 * 8

    /// The texts, the id, a bit for each number that is not zero, and these numbers.
    fileprivate func encode(to writer: inout RecordWriter) {
        writer.put(name, bytesMax: MinerJoined.workerBytesMax)
        writer.put(ip, bytesMax: MinerJoined.ipBytesMax)
        writer.putPacked(UInt64(id))
        var numbers = NonZeroWriter(&writer)
        numbers.put(UInt64(connections), to: &writer)
        numbers.put(accepted, to: &writer)
        numbers.put(rejected, to: &writer)
        numbers.put(invalid, to: &writer)
        numbers.put(hashes, to: &writer)
        numbers.put(lastShareAt, to: &writer)
        numbers.put(lastSeenAt, to: &writer)
        for reason in refusals.indices { numbers.put(UInt64(refusals[reason]), to: &writer) }
        numbers.put(hashrates.oneMinute, to: &writer)
        numbers.put(hashrates.tenMinutes, to: &writer)
        numbers.put(hashrates.oneHour, to: &writer)
        numbers.put(hashrates.twelveHours, to: &writer)
        numbers.put(hashrates.oneDay, to: &writer)
        numbers.put(hashrates.allTime, to: &writer)
        numbers.finish(&writer)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        name = try reader.text(bytesMax: MinerJoined.workerBytesMax)
        ip = try reader.text(bytesMax: MinerJoined.ipBytesMax)
        id = try reader.packed(as: UInt32.self)
        var numbers = try NonZeroReader(&reader)
        connections = try numbers.integer(from: &reader)
        accepted = try numbers.integer(from: &reader)
        rejected = try numbers.integer(from: &reader)
        invalid = try numbers.integer(from: &reader)
        hashes = try numbers.integer(from: &reader)
        lastShareAt = try numbers.integer(from: &reader)
        lastSeenAt = try numbers.integer(from: &reader)
        for reason in refusals.indices { refusals[reason] = try numbers.integer(from: &reader) }
        hashrates = Hashrates()
        hashrates.oneMinute = try numbers.rate(from: &reader)
        hashrates.tenMinutes = try numbers.rate(from: &reader)
        hashrates.oneHour = try numbers.rate(from: &reader)
        hashrates.twelveHours = try numbers.rate(from: &reader)
        hashrates.oneDay = try numbers.rate(from: &reader)
        hashrates.allTime = try numbers.rate(from: &reader)
        try numbers.finish()
    }
}

/// Writes the numbers that are not zero, preceded by a bit for each number.
private struct NonZeroWriter {
    private let place: Int
    private var bits: UInt32 = 0
    private var bit: UInt32 = 1

    init(_ writer: inout RecordWriter) {
        place = writer.offset
        writer.put(bits)
    }

    @inline(__always)
    mutating func put(_ value: UInt64, to writer: inout RecordWriter) {
        if value != 0 {
            bits |= bit
            writer.putPacked(value)
        }
        bit <<= 1
    }

    @inline(__always)
    mutating func put(_ rate: Double, to writer: inout RecordWriter) {
        if rate.bitPattern != 0 {
            bits |= bit
            writer.put(rate.bitPattern)
        }
        bit <<= 1
    }

    func finish(_ writer: inout RecordWriter) {
        writer.put(bits, at: place)
    }
}

private struct NonZeroReader {
    private var bits: UInt32

    init(_ reader: inout ByteReader) throws(DecodingFailure) {
        bits = try reader.integer()
    }

    mutating func integer<Value: FixedWidthInteger>(from reader: inout ByteReader) throws(DecodingFailure) -> Value {
        guard isNext() else { return 0 }
        // A zero must not be written: the encoding of a row is unique.
        let value = try reader.packed(as: Value.self)
        guard value != 0 else { throw .invalidField }
        return value
    }

    mutating func rate(from reader: inout ByteReader) throws(DecodingFailure) -> Double {
        guard isNext() else { return 0 }
        let rate = try reader.double()
        guard rate.bitPattern != 0 else { throw .invalidField }
        return rate
    }

    /// Checks that all numbers present have been read.
    func finish() throws(DecodingFailure) {
        guard bits == 0 else { throw .invalidField }
    }

    private mutating func isNext() -> Bool {
        defer { bits >>= 1 }
        return bits & 1 != 0
    }
}
