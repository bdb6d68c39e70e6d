public import StratumProtocol
internal import Synchronization

/// The write-ahead log of a shard: its inputs since the last snapshot, in memory that outlives the process
/// (docs/HANDOVER.md).
///
/// A record is begun (its head is complete, its size is 0), filled (`read` may put the bytes of a peer right into it)
/// and committed (its size is stored last). Whenever the process ends, each record is either complete or the one
/// unfinished record. The head of that one is complete too, so that bytes which `read` has already consumed are not
/// lost: their number follows from the kernel's count and the shard's (`Shard.traffic`).
public struct InputLog: ~Copyable {
    /// Bytes before the first record.
    static let headBytes = 16
    /// Bytes of a record before its payload.
    static let recordHeadBytes = 24

    private let memory: UnsafeMutableRawBufferPointer
    /// The position of the next record, or of the one that was begun.
    private var end: Int
    private var isBegun = false

    // MARK: - Initialization

    /// An empty log.
    /// - Parameters:
    ///   - memory: aligned to 8 bytes; must outlive the log.
    ///   - rules: identifies the program that decides: with another one, a replay could come to other decisions.
    /// - Returns: nil when the memory is too small for any record.
    public init?(emptying memory: UnsafeMutableRawBufferPointer, rules: UInt64) {
        guard memory.count >= InputLog.headBytes + 8 else { return nil }
        self.memory = memory
        end = InputLog.headBytes
        memory.storeBytes(of: SectionTag.log.number.littleEndian, as: UInt32.self)
        memory.storeBytes(of: UInt32(1).littleEndian, toByteOffset: 4, as: UInt32.self)
        memory.storeBytes(of: rules.littleEndian, toByteOffset: 8, as: UInt64.self)
        clearHead(at: end)
    }

    /// Continues a predecessor's log after its last complete record. `InputLogReader.unfinished` returns the record
    /// that follows it.
    public init(continuing memory: UnsafeMutableRawBufferPointer) throws(DecodingFault) {
        var reader = try InputLogReader(UnsafeRawBufferPointer(memory))
        while try reader.next() != nil {}
        self.memory = memory
        end = reader.position
        isBegun = reader.unfinished != nil
    }

    // MARK: - Records

    /// The length of all committed records in bytes, with the head of the log.
    public var count: Int { end }

    /// The largest payload of the next record, in bytes; 0 when the log is full: write a new snapshot.
    public var room: Int { max(0, memory.count - end - InputLog.recordHeadBytes) }

    /// Begins a record: writes everything but its payload and its size. A record that was begun before is discarded.
    /// - Returns: the room for the payload, at least `bytes` long; nil when there is not enough.
    public mutating func begin(
        _ input: ShardInput, at now: Instant, room bytes: Int = 0
    ) -> UnsafeMutableRawBufferPointer? {
        guard room >= max(bytes, 0), memory.count - end >= InputLog.recordHeadBytes else { return nil }
        let head = RecordHead(input)
        memory.storeBytes(of: UInt64(0), toByteOffset: end, as: UInt64.self)
        memory.storeBytes(of: now.microseconds.littleEndian, toByteOffset: end + 8, as: UInt64.self)
        memory.storeBytes(of: head.index.littleEndian, toByteOffset: end + 16, as: UInt32.self)
        memory.storeBytes(of: head.generation.littleEndian, toByteOffset: end + 20, as: UInt32.self)
        publish(UInt32(head.kind) | UInt32(head.pool) << 8 | UInt32(head.upstream) << 16, at: end + 4)
        isBegun = true
        return UnsafeMutableRawBufferPointer(rebasing: memory[(end + InputLog.recordHeadBytes)...])
    }

    /// Commits the record that was begun: from now on the input has happened.
    /// - Parameter bytes: how many bytes were put into its room.
    /// - Precondition: a record was begun, and has that much room.
    public mutating func commit(_ bytes: Int) {
        precondition(isBegun && bytes >= 0 && bytes <= room, "a record must be begun, and large enough")
        let size = InputLog.recordHeadBytes + bytes
        let next = (end + size + 7) & ~7
        // A reader must find an end after this record, where bytes of an older log may be.
        clearHead(at: next)
        publish(UInt32(size), at: end)
        end = min(next, memory.count)
        isBegun = false
    }

    /// Discards the record that was begun: no input has come.
    public mutating func cancel() {
        guard isBegun else { return }
        clearHead(at: end)
        isBegun = false
    }

    /// Begins and commits a record.
    /// - Returns: false when there is no room for it.
    public mutating func append(_ input: ShardInput, _ bytes: UnsafeRawBufferPointer, at now: Instant) -> Bool {
        guard let room = begin(input, at: now, room: bytes.count) else { return false }
        room.copyMemory(from: bytes)
        commit(bytes.count)
        return true
    }

    private func clearHead(at position: Int) {
        guard position + 8 <= memory.count else { return }
        memory.storeBytes(of: UInt64(0), toByteOffset: position, as: UInt64.self)
    }

    /// Stores the number that makes the stores before it valid. After a crash another process reads this memory, so the compiler
    /// must not move those stores behind this one: hence the fence.
    private func publish(_ number: UInt32, at position: Int) {
        atomicMemoryFence(ordering: .releasing)
        memory.storeBytes(of: number.littleEndian, toByteOffset: position, as: UInt32.self)
    }
}

/// A logged input.
public struct LoggedInput {
    public let input: ShardInput
    public let now: Instant
    /// The payload in the log; of the unfinished record, all the room it had.
    public let bytes: UnsafeRawBufferPointer
}

/// Reads the records of a log in order.
public struct InputLogReader {
    private let memory: UnsafeRawBufferPointer
    private(set) var position: Int
    /// Identifies the program that wrote the log.
    public let rules: UInt64

    public init(_ memory: UnsafeRawBufferPointer) throws(DecodingFault) {
        var head = BinaryReader(memory)
        guard head.remaining >= InputLog.headBytes, try head.integer() == SectionTag.log.number else {
            throw .wrongMagic
        }
        let version: UInt32 = try head.integer()
        guard version == 1 else { throw .unknownVersion(UInt16(truncatingIfNeeded: version)) }
        rules = try head.integer()
        self.memory = memory
        position = InputLog.headBytes
    }

    /// The next committed record; nil at the end.
    public mutating func next() throws(DecodingFault) -> LoggedInput? {
        let size = Int(word(at: position))
        guard size > 0 else { return nil }
        guard size >= InputLog.recordHeadBytes, size <= memory.count - position else { throw .badField("record.size") }
        guard let record = record(size: size) else { throw .badField("record.kind") }
        position = min((position + size + 7) & ~7, memory.count)
        return record
    }

    /// The record that was begun and not committed. Valid after `next` has returned nil.
    public var unfinished: LoggedInput? {
        guard word(at: position) == 0 else { return nil }
        return record(size: memory.count - position)
    }

    private func word(at position: Int) -> UInt32 {
        guard position + 8 <= memory.count else { return 0 }
        return UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }

    private func record(size: Int) -> LoggedInput? {
        guard size >= InputLog.recordHeadBytes else { return nil }
        let names = word(at: position + 4)
        let now = UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self))
        let head = RecordHead(
            kind: UInt8(truncatingIfNeeded: names), pool: UInt8(truncatingIfNeeded: names >> 8),
            upstream: UInt16(truncatingIfNeeded: names >> 16), index: word(at: position + 16),
            generation: UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: position + 20, as: UInt32.self)))
        guard let input = head.input else { return nil }
        let payload = (position + InputLog.recordHeadBytes)..<(position + size)
        return LoggedInput(
            input: input, now: Instant(microseconds: now), bytes: UnsafeRawBufferPointer(rebasing: memory[payload]))
    }
}

/// The head of an input, in fields of fixed size.
private struct RecordHead {
    let kind: UInt8
    let pool: UInt8
    let upstream: UInt16
    let index: UInt32
    let generation: UInt32

    init(kind: UInt8, pool: UInt8 = 0, upstream: UInt16 = 0, index: UInt32 = 0, generation: UInt32 = 0) {
        self.kind = kind
        self.pool = pool
        self.upstream = upstream
        self.index = index
        self.generation = generation
    }

    init(_ input: ShardInput) {
        switch input {
        case .start: self.init(kind: 1)
        case .minerConnected(let id, let terms):
            self.init(kind: 2, pool: terms.rawValue, index: id.index, generation: id.generation)
        case .minerBytes(let id): self.init(kind: 3, id)
        case .minerClosed(let id): self.init(kind: 4, id)
        case .poolConnected(let id): self.init(kind: 5, id)
        case .poolBytes(let id): self.init(kind: 6, id)
        case .poolClosed(let id): self.init(kind: 7, id)
        case .tick: self.init(kind: 8)
        case .policy: self.init(kind: 9)
        case .note(let number): self.init(kind: 10, index: number)
        case .release(let part): self.init(kind: 11, index: part.miners, generation: part.number)
        case .minerSecured(let id): self.init(kind: 12, id)
        case .conduct(let id): self.init(kind: 13, id)
        case .poolNotKept(let id): self.init(kind: 14, id)
        }
    }

    private init(kind: UInt8, _ id: MinerID) {
        self.init(kind: kind, index: id.index, generation: id.generation)
    }

    private init(kind: UInt8, _ id: PoolConnectionID) {
        self.init(kind: kind, pool: id.pool, upstream: id.upstream, generation: id.generation)
    }

    /// nil when the kind is unknown.
    var input: ShardInput? {
        let miner = MinerID(index: index, generation: generation)
        let connection = PoolConnectionID(upstream: upstream, pool: pool, generation: generation)
        switch kind {
        case 1: return .start
        case 2: return .minerConnected(miner, ConnectionTerms(rawValue: pool))
        case 3: return .minerBytes(miner)
        case 4: return .minerClosed(miner)
        case 5: return .poolConnected(connection)
        case 6: return .poolBytes(connection)
        case 7: return .poolClosed(connection)
        case 8: return .tick
        case 9: return .policy
        case 10: return .note(index)
        case 11: return .release(ReleasedPart(number: generation, miners: index))
        case 12: return .minerSecured(miner)
        case 13: return .conduct(miner)
        case 14: return .poolNotKept(connection)
        default: return nil
        }
    }
}

extension SectionTag {
    /// The first bytes of every log.
    fileprivate static let log = SectionTag("MRIL")
}
