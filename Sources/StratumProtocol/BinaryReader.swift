/// Why an encoded state cannot be read.
public enum DecodingFault: Error, Equatable, Sendable {
    /// It does not begin like one.
    case wrongMagic
    /// Written by a newer program, in a way that this one does not know.
    case unknownVersion(UInt16)
    /// It ends too early.
    case truncated
    /// A section that cannot be done without is not there.
    case missing(String)
    /// A field has a value that it cannot have.
    case badField(String)
}

/// Reads an encoded state: every length and value is checked.
public struct BinaryReader {
    private let memory: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int

    /// - Parameter memory: must outlive the reader and those made of it.
    public init(_ memory: UnsafeRawBufferPointer) {
        self.init(memory, 0..<memory.count)
    }

    private init(_ memory: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.memory = memory
        position = range.lowerBound
        end = range.upperBound
    }

    /// Bytes that are left.
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

    /// An integer that must lie in `range`.
    @inline(__always)
    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        in range: ClosedRange<Value>, _ name: StaticString
    ) throws(DecodingFault) -> Value {
        let value: Value = try integer()
        guard range.contains(value) else { throw .badField(name.description) }
        return value
    }

    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        ifGiven type: Value.Type = Value.self
    ) throws(DecodingFault) -> Value? {
        let isGiven = try flag()
        let value: Value = try integer()
        return isGiven ? value : nil
    }

    /// A field that older programs do not write: 0 when the part ends before it.
    public mutating func laterInteger<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self
    ) throws(DecodingFault) -> Value {
        remaining == 0 ? 0 : try integer()
    }

    @inline(__always)
    public mutating func flag() throws(DecodingFault) -> Bool {
        try integer(in: 0...1, "flag") as UInt8 == 1
    }

    /// So many bytes, where they lie.
    public mutating func raw(_ count: Int) throws(DecodingFault) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw .truncated }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: memory[position..<(position + count)])
    }

    /// Bytes behind their 32-bit length, where they lie.
    public mutating func bytes(max: Int, _ name: StaticString) throws(DecodingFault) -> UnsafeRawBufferPointer {
        let count: UInt32 = try integer()
        guard count <= max else { throw .badField(name.description) }
        return try raw(Int(count))
    }

    public mutating func text(max: Int, _ name: StaticString) throws(DecodingFault) -> String {
        String(decoding: try bytes(max: max, name), as: UTF8.self)
    }

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

    // MARK: - Parts

    /// A reader of the next record alone; this one goes on behind it.
    public mutating func record() throws(DecodingFault) -> BinaryReader {
        let length: UInt64 = try integer()
        guard length <= remaining else { throw .truncated }
        defer { position += Int(length) }
        return BinaryReader(memory, position..<(position + Int(length)))
    }

    /// How many entries follow, each of at least `bytesMin`: no more than can be there, so that nobody is made to
    /// allocate for more.
    public mutating func entryCount(max: Int, bytesMin: Int, _ name: StaticString) throws(DecodingFault) -> Int {
        let count: UInt32 = try integer()
        guard count <= max else { throw .badField(name.description) }
        guard Int(count) * bytesMin <= remaining else { throw .truncated }
        return Int(count)
    }

    /// Reads the head of an encoded state.
    /// - Parameter known: the latest version that the caller can read; it can read all before.
    /// - Returns: a reader of its sections; this one goes on behind it.
    public mutating func versioned(upTo known: UInt16) throws(DecodingFault) -> (
        version: UInt16, sections: BinaryReader
    ) {
        guard remaining >= 16, try integer() == SectionTag.envelope.number else { throw .wrongMagic }
        let version: UInt16 = try integer()
        guard version >= 1, version <= known else { throw .unknownVersion(version) }
        _ = try integer(UInt16.self)
        return (version, try record())
    }

    /// The next section and its name; nil when there is none.
    public mutating func section() throws(DecodingFault) -> (tag: UInt32, body: BinaryReader)? {
        guard remaining > 0 else { return nil }
        let tag: UInt32 = try integer()
        _ = try integer(UInt32.self)
        return (tag, try record())
    }
}
