public import StratumProtocol
internal import Synchronization

/// A shard's memory that outlives it: its state as last written, and the log of its inputs since (docs/HANDOVER.md).
///
/// There are two halves of each. The state is written anew into the half that is not in use, an empty log behind it, and
/// one store makes that half the current one: at every moment one whole state with its whole log is there.
public struct StateJournal: ~Copyable {
    private static let headBytes = 64
    /// A log that cannot take so much is not worth beginning: the largest chunk that is read at once, twice.
    public static let logBytesMin = 128 * 1024
    /// Nor one that is much shorter than the form: the form would be written again and again, and miners wait meanwhile.
    private static let snapshotBytesPerLogByte = 8

    private let memory: UnsafeMutableRawBufferPointer
    private let rules: UInt64
    private var generation: UInt64
    /// The inputs since the state was written.
    public var log: InputLog

    // MARK: - Life

    /// Begins with a first state.
    /// - Parameters:
    ///   - memory: aligned to 8 bytes; must outlive the journal. What is not used of it is not touched, so that it may
    ///     be generous.
    ///   - rules: names the program that decides (`InputLog`).
    ///   - write: writes the form, or several, one behind the other.
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

    /// Goes on in the memory of a predecessor: what it has left stays the current state until the new state is written whole.
    /// - Returns: nil when nothing is left there, or the state does not fit.
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

    /// The parts of the memory that hold nothing of worth: their pages can be given back. The half that is not in use, and what is
    /// behind the log and the record that may have been begun there.
    public var spareParts: [Range<Int>] {
        guard let half = StateJournal.half(of: generation, in: memory.count) else { return [] }
        let end = half.lowerBound + ((snapshotBytes + 63) & ~63) + log.count + InputLog.recordHeadBytes
        return [idlePart, min(end, half.upperBound)..<half.upperBound]
    }

    private var idlePart: Range<Int> { StateJournal.half(of: generation + 1, in: memory.count) ?? 0..<0 }

    /// The length of the state as last written.
    public var snapshotBytes: Int {
        let length = memory.loadUnaligned(fromByteOffset: StateJournal.place(of: generation), as: UInt64.self)
        return Int(clamping: UInt64(littleEndian: length))
    }

    /// The longest form that `renew` has room for.
    public var snapshotBytesMax: Int { StateJournal.snapshotBytesMax(inMemoryOf: memory.count) }

    /// The longest form that there is room for in so many bytes of memory.
    public static func snapshotBytesMax(inMemoryOf count: Int) -> Int {
        let room = (half(of: 1, in: count)?.count ?? 0) - 64
        return max(0, min(room - logBytesMin, room / (snapshotBytesPerLogByte + 1) * snapshotBytesPerLogByte))
    }

    /// Makes whoever comes after find nothing.
    public consuming func forget() { StateJournal.forget(in: memory) }

    /// The same of what another process has left there.
    public static func forget(in memory: UnsafeMutableRawBufferPointer) {
        memory.storeBytes(of: UInt64(0), toByteOffset: 8, as: UInt64.self)
    }

    /// Writes the state anew and begins an empty log. To be called when all that was decided is performed.
    /// - Returns: false when the state does not fit: then all is as it was.
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
        return start..<(start + size)
    }

    /// Where the length of the form stands.
    fileprivate static func place(of generation: UInt64) -> Int { generation % 2 == 0 ? 16 : 24 }
}

/// What a predecessor has left.
public struct StateJournalReader {
    /// The state at the time it was written.
    public let snapshot: UnsafeRawBufferPointer
    /// The inputs since it was written.
    public let log: UnsafeRawBufferPointer

    /// Whether anything is left there: false of memory that nobody has written, and of that whose shard has ended and
    /// taken everything along. What is left may still be damaged.
    public static func isThere(in memory: UnsafeRawBufferPointer) -> Bool {
        guard memory.count >= 16 else { return false }
        return memory.loadUnaligned(fromByteOffset: 8, as: UInt64.self) != 0
    }

    /// - Parameter memory: must outlive it; nobody may write there meanwhile.
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
    /// Every journal begins with it.
    fileprivate static let journal = SectionTag("MRCH")
}
