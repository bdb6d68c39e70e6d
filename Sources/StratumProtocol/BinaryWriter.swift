/// Encodes a state: little-endian fields into memory that somebody else provides, without allocating
/// (docs/HANDOVER.md).
///
/// When the memory is too small the rest is only counted: `fits` is then false, and `count` says how much it would take.
public struct BinaryWriter {
    private let memory: UnsafeMutableRawBufferPointer
    public private(set) var count = 0

    /// - Parameter memory: must outlive the writer.
    public init(into memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    /// Whether all that was written is there.
    public var fits: Bool { count <= memory.count }

    // MARK: - Fields

    @inline(__always)
    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        if count + size <= memory.count {
            memory.storeBytes(of: value.littleEndian, toByteOffset: count, as: Value.self)
        }
        count += size
    }

    /// One byte, 0 or 1.
    @inline(__always)
    public mutating func flag(_ value: Bool) {
        integer(UInt8(value ? 1 : 0))
    }

    /// The bytes as they are, without a length.
    public mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        if !bytes.isEmpty, count + bytes.count <= memory.count {
            UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + bytes.count)]).copyMemory(from: bytes)
        }
        count += bytes.count
    }

    /// A 32-bit length, then the bytes.
    public mutating func bytes(_ bytes: [UInt8]) {
        integer(UInt32(truncatingIfNeeded: bytes.count))
        bytes.withUnsafeBytes { raw($0) }
    }

    /// A 32-bit length, then the UTF-8 bytes.
    public mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            integer(UInt32(truncatingIfNeeded: utf8.count))
            raw(UnsafeRawBufferPointer(utf8))
        }
    }

    public mutating func text(ifGiven text: String?) {
        flag(text != nil)
        if let text { self.text(text) }
    }

    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(ifGiven value: Value?) {
        flag(value != nil)
        integer(value ?? 0)
    }

    /// A 32-bit length, then the bytes.
    public mutating func bytes<let capacity: Int>(_ bytes: InlineBytes<capacity>) {
        integer(UInt32(truncatingIfNeeded: bytes.count))
        bytes.withUnsafeBytes { raw($0) }
    }

    // MARK: - Parts

    /// A part with its length (64 bits) before it, so that a reader can skip what it does not know.
    public mutating func record(_ body: (inout BinaryWriter) -> Void) {
        let start = count
        integer(UInt64(0))
        body(&self)
        patch(UInt64(count - start - 8), at: start)
    }

    /// A record with a name.
    public mutating func section(_ tag: SectionTag, _ body: (inout BinaryWriter) -> Void) {
        integer(tag.number)
        integer(UInt32(0))
        record(body)
    }

    /// A whole encoded state: its head, then the sections.
    public mutating func versioned(_ version: UInt16, _ body: (inout BinaryWriter) -> Void) {
        integer(SectionTag.envelope.number)
        integer(version)
        integer(UInt16(0))
        record(body)
    }

    private mutating func patch(_ value: UInt64, at position: Int) {
        guard position + 8 <= memory.count else { return }
        memory.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt64.self)
    }
}

/// The name of a section: four letters.
public struct SectionTag: Equatable, Sendable {
    public let number: UInt32

    /// - Precondition: `text` has four characters of ASCII.
    public init(_ text: StaticString) {
        precondition(text.utf8CodeUnitCount == 4, "a tag has four letters")
        number = (0..<4).reduce(0) { $0 | UInt32(text.utf8Start[$1]) << UInt32($1 * 8) }
    }

    /// Every encoded state begins with it.
    static let envelope = SectionTag("MRWF")
}
