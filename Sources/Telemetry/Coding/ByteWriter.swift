/// Appends little-endian fields to an array. For infrequent messages; shares are written with `RecordWriter`.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// - Parameter bytes: an array whose memory is reused if it is uniquely referenced. Its content is discarded.
    init(using bytes: consuming [UInt8], capacity: Int) {
        self.bytes = bytes
        self.bytes.removeAll(keepingCapacity: true)
        self.bytes.reserveCapacity(capacity)
    }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func double(_ value: Double) {
        integer(value.bitPattern)
    }

    mutating func append(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Appends `byteCount` bytes, which `body` must write completely.
    mutating func append(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let offset = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: byteCount))
        bytes.withUnsafeMutableBytes { body(UnsafeMutableRawBufferPointer(rebasing: $0[offset...])) }
    }

    /// A 16-bit byte count, then the text, truncated to `bytesMax`.
    mutating func text(_ text: String, bytesMax: Int) {
        let count = text.utf8PrefixCount(max: min(bytesMax, Int(UInt16.max)))
        integer(UInt16(count))
        bytes.append(contentsOf: text.utf8.prefix(count))
    }
}

extension String {
    /// The number of UTF-8 bytes that remain when the text is truncated to `max` bytes between two characters.
    func utf8PrefixCount(max: Int) -> Int {
        let bytes = utf8
        guard bytes.count > max else { return bytes.count }
        var count = max
        // A byte 10xxxxxx continues a character: the cut must be before a byte that begins one.
        while count > 0, bytes[bytes.index(bytes.startIndex, offsetBy: count)] & 0b1100_0000 == 0b1000_0000 {
            count -= 1
        }
        return count
    }
}
