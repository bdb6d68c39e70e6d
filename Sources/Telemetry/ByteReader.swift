/// Why bytes from another process could not be read. Nothing of such a message is used.
public enum DecodingFailure: Error, Equatable, Sendable {
    /// The bytes end before the value does.
    case truncated
    /// More bytes than the message accounts for.
    case trailingBytes
    /// Not a message of this bus, or not one of the kind expected here.
    case wrongMagic
    /// Written by a version of the format that this program does not know.
    case unsupportedVersion(UInt8)
    /// A record of a kind that this version of the format does not have.
    case unknownRecord(UInt8)
    /// A field holds a value outside its range.
    case invalidField
    /// A text is not UTF-8.
    case invalidText
    /// A text, list or message is longer than its limit.
    case tooLong
}

/// Reads little-endian fields one after the other, each checked against the end of the bytes.
struct ByteReader {
    let bytes: [UInt8]
    private(set) var offset = 0
    /// Where reading ends; a record is read with its own end, so that it cannot reach into the next one.
    private let end: Int

    init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
        end = bytes.count
    }

    private init(_ bytes: [UInt8], from offset: Int, to end: Int) {
        self.bytes = bytes
        self.offset = offset
        self.end = end
    }

    var remaining: Int { end - offset }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self
    ) throws(DecodingFailure) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw .truncated }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
        offset += size
        return Value(littleEndian: value)
    }

    mutating func double() throws(DecodingFailure) -> Double {
        Double(bitPattern: try integer(UInt64.self))
    }

    mutating func skip(_ count: Int) throws(DecodingFailure) {
        guard count >= 0, remaining >= count else { throw .truncated }
        offset += count
    }

    mutating func bytes(count: Int) throws(DecodingFailure) -> [UInt8] {
        guard count >= 0, remaining >= count else { throw .truncated }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    mutating func text(byteCount: Int) throws(DecodingFailure) -> String {
        guard byteCount >= 0, remaining >= byteCount else { throw .truncated }
        let text = try bytes.withUnsafeBufferPointer { buffer throws(DecodingFailure) in
            let source = UnsafeBufferPointer(rebasing: buffer[offset..<offset + byteCount])
            // What is not UTF-8 was repaired, and so is other bytes. (`String(validating:)` asks the runtime for its types,
            // which takes ten times as long.)
            var text = String(decoding: source, as: UTF8.self)
            guard text.withUTF8({ $0.elementsEqual(source) }) else { throw .invalidText }
            return text
        }
        offset += byteCount
        return text
    }

    /// A 16-bit byte count, then the text.
    mutating func text(bytesMax: Int) throws(DecodingFailure) -> String {
        let byteCount = Int(try integer(UInt16.self))
        guard byteCount <= bytesMax else { throw .tooLong }
        return try text(byteCount: byteCount)
    }

    /// The next `byteCount` bytes as a reader of their own; this one goes on behind them.
    mutating func part(byteCount: Int) throws(DecodingFailure) -> ByteReader {
        guard byteCount >= 0, remaining >= byteCount else { throw .truncated }
        let part = ByteReader(bytes, from: offset, to: offset + byteCount)
        offset += byteCount
        return part
    }

    func finish() throws(DecodingFailure) {
        guard remaining == 0 else { throw .trailingBytes }
    }
}
