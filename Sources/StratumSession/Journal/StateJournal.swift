public import StratumProtocol
internal import Synchronization

/// A shard's saved state in memory that outlives the process: its last snapshot, and the log of its inputs since
/// (docs/HANDOVER.md).
///
/// The memory has two halves. A new snapshot is written into the half that is not in use, followed by an empty log, and
/// one store makes that half the current one. So at every moment there is one complete snapshot with its complete log.
/// Behind the second half is the `MarkTable`; both halves are shorter by its length.
public struct StateJournal: ~Copyable {
    private static let headBytes = 64
    /// The shortest useful log in bytes: twice the largest chunk that is read at once.
    public static let logBytesMin = 128 * 1024
    /// The largest snapshot, relative to its log. With a shorter log the snapshot would be written again and again,
    /// while miners wait.
    private static let snapshotBytesPerLogByte = 8

    private let memory: UnsafeMutableRawBufferPointer
    private let rules: UInt64
    private var generation: UInt64
    /// The inputs since the snapshot.
    public var log: InputLog

    // MARK: - Initialization

    /// Begins a journal with a first snapshot.
    /// - Parameters:
    ///   - memory: aligned to 8 bytes; must outlive the journal. Unused parts are not touched, so it may be large.
    ///   - rules: identifies the program that decides (`InputLog`).
    ///   - write: writes the snapshot, as one or several encoded states in sequence.
    /// - Returns: nil when the memory is too small.
    public init?(
        beginningIn memory: UnsafeMutableRawBufferPointer, rules: UInt64, _ write: (inout BinaryWriter) -> Void
    ) {
        guard memory.count >= StateJournal.headBytes else { return nil }
        memory.storeBytes(of: UInt64(0), toByteOffset: 8, as: UInt64.self)
        memory.storeBytes(of: SectionTag.journal.number.littleEndian, as: UInt32.self)
        memory.storeBytes(of: UInt32(1).littleEndian, toByteOffset: 4, as: UInt32.self)
        guard let log = StateJournal.write(1, in: memory, rules: rules, write) else { return nil }
        self.memory = memory
        self.rules = rules
        self.log = log
        generation = 1
    }

    /// Continues in the memory of a predecessor, whose saved state stays current until the new snapshot is complete.
    /// - Returns: nil when there is no saved state, or the snapshot does not fit.
    public init?(
        continuingIn memory: UnsafeMutableRawBufferPointer, rules: UInt64, _ write: (inout BinaryWriter) -> Void
    ) {
        guard (try? StateJournalReader(UnsafeRawBufferPointer(memory))) != nil else { return nil }
        let before = UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        guard before < .max, let log = StateJournal.write(before + 1, in: memory, rules: rules, write) else {
            return nil
        }
        self.memory = memory
        self.rules = rules
        self.log = log
        generation = before + 1
    }

    /// The unused parts of the memory, whose pages can be released: the half that is not in use, and the part after the
    /// log and the head of a record that may have been begun there.
    public var spareParts: [Range<Int>] {
        guard let half = StateJournal.half(of: generation, in: memory.count) else { return [] }
        let end = half.lowerBound + ((snapshotBytes + 63) & ~63) + log.count + InputLog.recordHeadBytes
        return [idlePart, min(end, half.upperBound)..<half.upperBound]
    }

    private var idlePart: Range<Int> { StateJournal.half(of: generation + 1, in: memory.count) ?? 0..<0 }

    /// The length of the last snapshot in bytes.
    public var snapshotBytes: Int {
        let length = memory.loadUnaligned(fromByteOffset: StateJournal.place(of: generation), as: UInt64.self)
        return Int(clamping: UInt64(littleEndian: length))
    }

    /// The longest snapshot in bytes that `renew` has room for.
    public var snapshotBytesMax: Int { StateJournal.snapshotBytesMax(inMemoryOf: memory.count) }

    /// The longest snapshot in bytes that memory of `count` bytes has room for.
    public static func snapshotBytesMax(inMemoryOf count: Int) -> Int {
        let room = (half(of: 1, in: count)?.count ?? 0) - 64
        return max(0, min(room - logBytesMin, room / (snapshotBytesPerLogByte + 1) * snapshotBytesPerLogByte))
    }

    /// Deletes the saved state: a successor finds none.
    public consuming func forget() { StateJournal.forget(in: memory) }

    /// Deletes the saved state of another process.
    public static func forget(in memory: UnsafeMutableRawBufferPointer) {
        memory.storeBytes(of: UInt64(0), toByteOffset: 8, as: UInt64.self)
    }

    /// Writes a new snapshot and begins an empty log. All decisions must have been performed.
    /// - Returns: false when the snapshot does not fit; nothing has changed then.
    public mutating func renew(_ write: (inout BinaryWriter) -> Void) -> Bool {
        guard let log = StateJournal.write(generation + 1, in: memory, rules: rules, write) else { return false }
        generation += 1
        self.log = log
        return true
    }

    private static func write(
        _ generation: UInt64, in memory: UnsafeMutableRawBufferPointer, rules: UInt64,
        _ write: (inout BinaryWriter) -> Void
    ) -> InputLog? {
        guard let half = half(of: generation, in: memory.count) else { return nil }
        let room = UnsafeMutableRawBufferPointer(rebasing: memory[half])
        var writer = BinaryWriter(into: room)
        write(&writer)
        let logStart = (writer.count + 63) & ~63
        guard writer.fits, writer.count <= snapshotBytesMax(inMemoryOf: memory.count) else { return nil }
        let log = InputLog(emptying: UnsafeMutableRawBufferPointer(rebasing: room[logStart...]), rules: rules)
        memory.storeBytes(of: UInt64(writer.count).littleEndian, toByteOffset: place(of: generation), as: UInt64.self)
        publish(generation, in: memory)
        return log
    }

    /// Makes this snapshot the current one. After a crash another process reads this memory, so the compiler must not move the
    /// stores of the snapshot behind this one: hence the fence.
    private static func publish(_ generation: UInt64, in memory: UnsafeMutableRawBufferPointer) {
        atomicMemoryFence(ordering: .releasing)
        memory.storeBytes(of: generation.littleEndian, toByteOffset: 8, as: UInt64.self)
    }

    fileprivate static func half(of generation: UInt64, in count: Int) -> Range<Int>? {
        let size = ((count - headBytes) / 2) & ~63
        guard size > 0 else { return nil }
        let start = headBytes + (generation % 2 == 0 ? size : 0)
        return start..<(start + size - MarkTable.byteCount(inMemoryOf: count))
    }

    /// The offset of the snapshot's length.
    fileprivate static func place(of generation: UInt64) -> Int { generation % 2 == 0 ? 16 : 24 }
}

/// The saved state of a predecessor.
public struct StateJournalReader {
    /// The last snapshot.
    public let snapshot: UnsafeRawBufferPointer
    /// The log of the inputs since the snapshot.
    public let log: UnsafeRawBufferPointer

    /// Whether there is a saved state: false when the memory was never written, or its shard has ended and handed over
    /// everything. A saved state may be corrupt.
    public static func isThere(in memory: UnsafeRawBufferPointer) -> Bool {
        guard memory.count >= 16 else { return false }
        return memory.loadUnaligned(fromByteOffset: 8, as: UInt64.self) != 0
    }

    /// - Parameter memory: must outlive the reader, and must not be written meanwhile.
    public init(_ memory: UnsafeRawBufferPointer) throws(DecodingFault) {
        var head = BinaryReader(memory)
        guard head.remaining >= 64, try head.integer() == SectionTag.journal.number else { throw .wrongMagic }
        let version: UInt32 = try head.integer()
        guard version == 1 else { throw .unknownVersion(UInt16(truncatingIfNeeded: version)) }
        let generation: UInt64 = try head.integer()
        guard generation > 0, let half = StateJournal.half(of: generation, in: memory.count) else { throw .truncated }
        let length = memory.loadUnaligned(fromByteOffset: StateJournal.place(of: generation), as: UInt64.self)
        guard UInt64(littleEndian: length) <= UInt64(half.count) else { throw .badField("snapshot.length") }
        let snapshotCount = Int(UInt64(littleEndian: length))
        let logStart = (snapshotCount + 63) & ~63
        guard logStart <= half.count else { throw .badField("snapshot.length") }
        let range = half.lowerBound..<(half.lowerBound + snapshotCount)
        snapshot = UnsafeRawBufferPointer(rebasing: memory[half][range])
        log = UnsafeRawBufferPointer(rebasing: memory[(half.lowerBound + logStart)..<half.upperBound])
    }
}

extension SectionTag {
    /// The first bytes of every journal.
    fileprivate static let journal = SectionTag("MRCH")
}
