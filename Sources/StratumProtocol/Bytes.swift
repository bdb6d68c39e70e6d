/// Appends text to a byte buffer that is reused, so that after its first uses nothing is allocated.
extension [UInt8] {
    /// Appends constant text.
    @inline(__always)
    public mutating func append(_ text: StaticString) {
        append(copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a copy of the bytes.
    @inline(__always)
    public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append(copying: $0) }
    }

    /// Faster than `append(contentsOf:)`, which takes three times as long because it also asks an iterator for bytes.
    @inline(__always)
    private mutating func append(copying bytes: UnsafeRawBufferPointer) {
        append(addingCapacity: bytes.count) { output in
            output.withUnsafeMutableBufferPointer { room, count in
                guard bytes.count <= room.count - count else { return }
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[count...])
                    .copyMemory(from: bytes)
                count += bytes.count
            }
        }
    }

    /// Appends a number in decimal digits.
    public mutating func append(decimal number: Int64) {
        if number < 0 { append(0x2d) }
        append(decimal: number.magnitude)
    }

    /// Appends a number in decimal digits.
    public mutating func append(decimal number: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var position = 20
        var rest = number
        repeat {
            position -= 1
            digits[position] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        append(digits.span.extracting(position...))
    }

    /// Appends text as the inside of a JSON string: escapes what JSON requires, and keeps other UTF-8.
    public mutating func append(jsonEscaped text: String) {
        for byte in text.utf8 { append(jsonEscaped: byte) }
    }

    /// Appends UTF-8 text as the inside of a JSON string. Runs of bytes without escapes are copied at once.
    public mutating func append(jsonEscaped text: Span<UInt8>) {
        var start = 0
        for position in text.indices where [UInt8].needsEscape(text[position]) {
            append(text.extracting(start..<position))
            append(jsonEscaped: text[position])
            start = position + 1
        }
        append(text.extracting(start...))
    }

    /// Appends text as the inside of a JSON string.
    mutating func append<let capacity: Int>(jsonEscaped text: InlineBytes<capacity>) {
        append(jsonEscaped: text.storage.span.extracting(0..<text.count))
    }

    @inline(__always)
    private static func needsEscape(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5c }

    @inline(__always)
    private mutating func append(jsonEscaped byte: UInt8) {
        switch byte {
        case 0x22, 0x5c:
            append(0x5c)
            append(byte)
        case 0x00..<0x20:
            append("\\u00")
            append(hex: byte)
        default: append(byte)
        }
    }
}

/// A string of at most `capacity` bytes that is stored inline, so that copying it allocates nothing.
///
/// The functions on the path of a share are inlinable: code for an unknown capacity would look up its type at run time
/// and copy byte by byte.
public struct InlineBytes<let capacity: Int>: Equatable, Sendable {
    @usableFromInline var storage: InlineArray<capacity, UInt8>
    @usableFromInline var length: Int

    /// An empty string.
    @inlinable public init() {
        storage = InlineArray(repeating: 0)
        length = 0
    }

    /// nil when `bytes` are longer than `capacity`.
    @inlinable public init?(_ bytes: Span<UInt8>) {
        guard bytes.count <= capacity else { return nil }
        self.init()
        for position in bytes.indices { storage[position] = bytes[position] }
        length = bytes.count
    }

    /// nil when the text is longer than `capacity`.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }

    @inlinable public var count: Int { length }
    @inlinable public var isEmpty: Bool { length == 0 }

    @inlinable public subscript(position: Int) -> UInt8 { storage[position] }

    public var text: String {
        String(decoding: (0..<count).map { storage[$0] }, as: UTF8.self)
    }

    /// Appends the bytes to `buffer`.
    @inline(__always)
    public func append(to buffer: inout [UInt8]) {
        buffer.append(storage.span.extracting(0..<count))
    }

    /// Calls `body` with the bytes.
    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        storage.span.extracting(0..<count).withUnsafeBytes { body($0) }
    }

    @inlinable public static func == (left: Self, right: Self) -> Bool {
        guard left.count == right.count else { return false }
        for position in 0..<left.count where left.storage[position] != right.storage[position] { return false }
        return true
    }
}

extension Span<UInt8> {
    /// Whether the bytes are well-formed UTF-8.
    var isUTF8: Bool { withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) != nil } }
}
