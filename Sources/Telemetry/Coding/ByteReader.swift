/// Why bytes from another process were not decoded. No part of such a message is used.
public enum DecodingFailure: Error, Equatable, Sendable {
    /// The input ends within a value.
    case truncated
    /// Bytes follow the last field.
    case trailingBytes
    /// Not a bus message, or not a message of the expected kind.
    case wrongMagic
    /// An unsupported version of the format.
    case unsupportedVersion(UInt8)
    /// A record kind that this version of the format does not define.
    case unknownRecord(UInt8)
    /// A field value is out of range.
    case invalidField
    /// Text that is not valid UTF-8.
    case invalidText
    /// A text, list or message exceeds its limit.
    case tooLong
}

/// Reads little-endian fields in order and checks each one against the end of the bytes.
struct ByteReader {
    let bytes: [UInt8]
    private(set) var offset = 0
    /// Where reading ends. A record is read with its own end, so it cannot read into the next one.
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
            // Decoding repairs invalid UTF-8, so the result then differs from the source. (`String(validating:)` looks
            // up types in the runtime, which takes ten times as long.)
            var text = String(decoding: source, as: UTF8.self)
            guard text.withUTF8({ $0.elementsEqual(source) }) else { throw .invalidText }
            return text
        }
        offset += byteCount
        return text
    }

    /// Reads a 16-bit byte count, then the text.
    mutating func text(bytesMax: Int) throws(DecodingFailure) -> String {
        let byteCount = Int(try integer(UInt16.self))
        guard byteCount <= bytesMax else { throw .tooLong }
        return try text(byteCount: byteCount)
    }

    /// Returns a reader of the next `byteCount` bytes and skips them in this one.
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
