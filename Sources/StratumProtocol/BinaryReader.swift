/// Why an encoded state cannot be decoded.
public enum DecodingFault: Error, Equatable, Sendable {
    /// It does not begin with the expected magic number.
    case wrongMagic
    /// A newer program wrote it, in a format that this one does not know.
    case unknownVersion(UInt16)
    /// It ends too early.
    case truncated
    /// A required section is missing.
    case missing(String)
    /// A field has an invalid value.
    case badField(String)
}

/// Decodes an encoded state. Every length and value is checked.
public struct BinaryReader {
    private let memory: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int

    /// - Parameter memory: must outlive this reader and the readers made from it.
    public init(_ memory: UnsafeRawBufferPointer) {
        self.init(memory, 0..<memory.count)
    }

    private init(_ memory: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.memory = memory
        position = range.lowerBound
        end = range.upperBound
    }

    /// Bytes that have not been read.
    public var remaining: Int { end - position }

    // MARK: - Fields

    @inline(__always)
    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self
    ) throws(DecodingFault) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw .truncated }
        defer { position += size }
        return Value(littleEndian: memory.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    /// An integer that must be in `range`.
    @inline(__always)
    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        in range: ClosedRange<Value>, _ name: StaticString
    ) throws(DecodingFault) -> Value {
        let value: Value = try integer()
        guard range.contains(value) else { throw .badField(name.description) }
        return value
    }

    /// A flag and an integer; nil when the flag is 0.
    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        ifGiven type: Value.Type = Value.self
    ) throws(DecodingFault) -> Value? {
        let isGiven = try flag()
        let value: Value = try integer()
        return isGiven ? value : nil
    }

    /// A field that older programs do not write: 0 when the record ends before it.
    public mutating func laterInteger<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self
    ) throws(DecodingFault) -> Value {
        remaining == 0 ? 0 : try integer()
    }

    @inline(__always)
    public mutating func flag() throws(DecodingFault) -> Bool {
        try integer(in: 0...1, "flag") as UInt8 == 1
    }

    /// A number of bytes, in place.
    public mutating func raw(_ count: Int) throws(DecodingFault) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw .truncated }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: memory[position..<(position + count)])
    }

    /// Bytes with a 32-bit length before them, in place.
    public mutating func bytes(max: Int, _ name: StaticString) throws(DecodingFault) -> UnsafeRawBufferPointer {
        let count: UInt32 = try integer()
        guard count <= max else { throw .badField(name.description) }
        return try raw(Int(count))
    }

    /// UTF-8 bytes with a 32-bit length before them; invalid UTF-8 is repaired.
    public mutating func text(max: Int, _ name: StaticString) throws(DecodingFault) -> String {
        String(decoding: try bytes(max: max, name), as: UTF8.self)
    }

    /// A flag, then a text if the flag is 1; nil when it is 0.
    public mutating func text(ifGivenMax max: Int, _ name: StaticString) throws(DecodingFault) -> String? {
        try flag() ? try text(max: max, name) : nil
    }

    public mutating func inlineBytes<let capacity: Int>(_ name: StaticString) throws(DecodingFault) -> InlineBytes<
        capacity
    > {
        let bytes = try bytes(max: capacity, name)
        guard let text = bytes.withMemoryRebound(to: UInt8.self, { InlineBytes<capacity>($0.span) }) else {
            throw .badField(name.description)
        }
        return text
    }

    // MARK: - Records

    /// A reader of the next record only; this reader continues after it.
    public mutating func record() throws(DecodingFault) -> BinaryReader {
        let length: UInt64 = try integer()
        guard length <= remaining else { throw .truncated }
        defer { position += Int(length) }
        return BinaryReader(memory, position..<(position + Int(length)))
    }

    /// The number of entries that follow, each of at least `bytesMin` bytes. It is never more than the remaining bytes
    /// can hold, so corrupt input causes no large allocation.
    public mutating func entryCount(max: Int, bytesMin: Int, _ name: StaticString) throws(DecodingFault) -> Int {
        let count: UInt32 = try integer()
        guard count <= max else { throw .badField(name.description) }
        guard Int(count) * bytesMin <= remaining else { throw .truncated }
        return Int(count)
    }

    /// Reads the header of an encoded state.
    /// - Parameter known: the latest version that the caller can decode; it can decode all earlier ones.
    /// - Returns: a reader of the sections; this reader continues after them.
    public mutating func versioned(upTo known: UInt16) throws(DecodingFault) -> (
        version: UInt16, sections: BinaryReader
    ) {
        guard remaining >= 16, try integer() == SectionTag.envelope.number else { throw .wrongMagic }
        let version: UInt16 = try integer()
        guard version >= 1, version <= known else { throw .unknownVersion(version) }
        _ = try integer(UInt16.self)
        return (version, try record())
    }

    /// The next section and its name; nil at the end.
    public mutating func section() throws(DecodingFault) -> (tag: UInt32, body: BinaryReader)? {
        guard remaining > 0 else { return nil }
        let tag: UInt32 = try integer()
        _ = try integer(UInt32.self)
        return (tag, try record())
    }
}
