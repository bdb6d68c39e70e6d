// Numbers in the saved state. Most are small and many are zero, so each uses only the bytes it needs, seven bits per
// byte, and runs of zeros are counted. Reading checks everything and never traps: the file can be corrupt.

extension UInt64 {
    /// Calls `body` with seven bits per byte, the lowest first; the highest bit means that another byte follows.
    @inline(__always)
    func forEachPackedByte(_ body: (UInt8) -> Void) {
        var rest = self
        while rest >= 0x80 {
            body(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        body(UInt8(truncatingIfNeeded: rest))
    }
}

extension ByteWriter {
    mutating func packed(_ value: UInt64) {
        value.forEachPackedByte { integer($0) }
    }

    /// Writes values; a run of zeros is written as 0 and its length.
    mutating func packedRuns(_ values: some Sequence<UInt64>) {
        var zeros: UInt64 = 0
        for value in values {
            if value == 0 {
                zeros += 1
                continue
            }
            finishRun(&zeros)
            packed(value)
        }
        finishRun(&zeros)
    }

    private mutating func finishRun(_ zeros: inout UInt64) {
        guard zeros > 0 else { return }
        packed(0)
        packed(zeros)
        zeros = 0
    }
}

extension ByteReader {
    mutating func packed() throws(DecodingFailure) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try integer(UInt8.self)
            // The tenth byte has one significant bit.
            guard shift < 63 || byte <= 1 else { throw .invalidField }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw .invalidField
    }

    mutating func packed<Value: FixedWidthInteger>(as type: Value.Type) throws(DecodingFailure) -> Value {
        guard let value = Value(exactly: try packed()) else { throw .invalidField }
        return value
    }

    /// Reads a number of elements, each at least `bytesEach` bytes long. More than the bytes can hold is an error, so
    /// no memory is reserved for it.
    mutating func packedCount(bytesEach: Int, max: Int = .max) throws(DecodingFailure) -> Int {
        let count = try packed()
        guard count <= UInt64(remaining / bytesEach) else { throw .truncated }
        guard count <= UInt64(max) else { throw .tooLong }
        return Int(count)
    }

    /// Reads exactly `count` numbers.
    mutating func packedRuns(count: Int) throws(DecodingFailure) -> [UInt64] {
        var values = [UInt64](repeating: 0, count: count)
        var index = 0
        while index < count {
            let value = try packed()
            guard value == 0 else {
                values[index] = value
                index += 1
                continue
            }
            let zeros = try packed()
            guard zeros > 0, zeros <= UInt64(count - index) else { throw .invalidField }
            index += Int(zeros)
        }
        return values
    }

    /// Checks the version, the first byte of every saved state.
    mutating func version(_ known: UInt8) throws(DecodingFailure) {
        let version = try integer(UInt8.self)
        guard version == known else { throw .unsupportedVersion(version) }
    }
}

extension Epoch {
    func pack(to writer: inout ByteWriter) {
        writer.integer(high)
        writer.integer(low)
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        self.init(high: try reader.integer(), low: try reader.integer())
    }
}

extension ShareCounters {
    func pack(to writer: inout ByteWriter) {
        for value in [accepted, rejected, invalid, expired, hashesTotal, joined] { writer.packed(value) }
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        accepted = try reader.packed()
        rejected = try reader.packed()
        invalid = try reader.packed()
        expired = try reader.packed()
        hashesTotal = try reader.packed()
        joined = try reader.packed()
    }
}

extension UpstreamCounts {
    func pack(to writer: inout ByteWriter) {
        for value in [active, sleeping, error] { writer.packed(UInt64(value)) }
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        active = try reader.packed(as: UInt32.self)
        sleeping = try reader.packed(as: UInt32.self)
        error = try reader.packed(as: UInt32.self)
    }
}

extension RefusalCounts {
    func pack(to writer: inout ByteWriter) {
        writer.packedRuns(lazy.map { UInt64($0) })
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        self.init()
        for (reason, count) in try reader.packedRuns(count: RefusalCounts.count).enumerated() {
            guard let count = Count(exactly: count) else { throw .invalidField }
            self[reason] = count
        }
    }
}
