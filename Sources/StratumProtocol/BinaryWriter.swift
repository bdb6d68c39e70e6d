/// Encodes a state as little-endian fields into memory of the caller, without allocating (docs/HANDOVER.md).
///
/// When the memory is too small, `fits` is false and the remaining bytes are only counted: `count` is then the size
/// that is needed.
public struct BinaryWriter {
    private let memory: UnsafeMutableRawBufferPointer
    /// The number of bytes written, including those that did not fit.
    public private(set) var count = 0

    /// - Parameter memory: must outlive the writer.
    public init(into memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    /// Whether everything written fits in the memory.
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

    /// The bytes without a length.
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

    /// A flag, then the text if there is one.
    public mutating func text(ifGiven text: String?) {
        flag(text != nil)
        if let text { self.text(text) }
    }

    /// A flag, then the integer, or 0 when there is none.
    public mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(ifGiven value: Value?) {
        flag(value != nil)
        integer(value ?? 0)
    }

    /// A 32-bit length, then the bytes.
    public mutating func bytes<let capacity: Int>(_ bytes: InlineBytes<capacity>) {
        integer(UInt32(truncatingIfNeeded: bytes.count))
        bytes.withUnsafeBytes { raw($0) }
    }

    // MARK: - Records

    /// A 64-bit length, then the fields that `body` writes: a reader can skip fields that it does not know.
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

    /// A complete encoded state: a header, then the sections.
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

    /// - Precondition: `text` is four ASCII characters.
    public init(_ text: StaticString) {
        precondition(text.utf8CodeUnitCount == 4, "a tag has four letters")
        number = (0..<4).reduce(0) { $0 | UInt32(text.utf8Start[$1]) << UInt32($1 * 8) }
    }

    /// The first bytes of every encoded state.
    static let envelope = SectionTag("MRWF")
}
