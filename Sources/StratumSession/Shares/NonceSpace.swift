internal import StratumProtocol

/// The nonce slots of an upstream and their owners (docs/COMPATIBILITY.md, "Nonce slots").
///
/// Split, the most significant byte of a nonce identifies the miner: 256 slots with one miner each. Whole, there is one
/// slot, whose miner searches all nonces. A slot whose miner has left is dead until the upstream gets a job with another
/// blob, because its next owner would search the same nonces again. This keeps miners from submitting a nonce twice.
struct NonceSpace {
    enum Slot: Equatable {
        case free
        case owned(MinerID)
        case dead
    }

    /// The slots of a split space.
    static let splitSize = 256

    private var slots: [Slot]
    /// How much was searched in each dead slot, as returned by `wear(held:hasSubmitted:)`.
    private var wears: [UInt16]
    /// Where the next search begins: slots are assigned in turn, so that each is reused as late as possible.
    private var next: UInt8
    private(set) var ownedCount = 0
    private(set) var freeCount: Int

    /// - Parameters:
    ///   - start: the first slot to assign, at random, so that shards and restarts do not search the same nonces first.
    ///   - isWhole: one miner gets all nonces.
    init(start: UInt8, isWhole: Bool = false) {
        let size = isWhole ? 1 : NonceSpace.splitSize
        slots = [Slot](repeating: .free, count: size)
        wears = [UInt16](repeating: 0, count: size)
        next = isWhole ? 0 : start
        freeCount = size
    }

    private var size: Int { slots.count }

    /// One miner searches all nonces, so the bytes of a nonce do not identify it.
    var isWhole: Bool { size == 1 }

    /// No slot is owned or dead.
    var isUntouched: Bool { freeCount == size }

    /// A slot that the space does not have is free.
    subscript(slot: UInt8) -> Slot { Int(slot) < size ? slots[Int(slot)] : .free }

    /// Assigns the next free slot to `miner`; nil when all are owned or dead.
    mutating func allocate(for miner: MinerID, avoiding former: UInt8? = nil) -> UInt8? {
        guard freeCount > 0 else { return nil }
        for _ in 0..<size {
            let slot = next
            next = isWhole ? 0 : next &+ 1
            if slots[Int(slot)] == .free, slot != former {
                slots[Int(slot)] = .owned(miner)
                ownedCount += 1
                freeCount -= 1
                return slot
            }
        }
        return nil
    }

    /// How much of a slot its miner has searched, and the next owner would search again: tenths of a second, plus a bit
    /// above these when the miner has submitted a share.
    static func wear(held microseconds: UInt64, hasSubmitted: Bool) -> UInt16 {
        UInt16(min(microseconds / 100_000, 0x7fff)) | (hasSubmitted ? 0x8000 : 0)
    }

    /// Assigns to `miner` the dead slot in which the least was searched, when no slot is free and no further pool
    /// connection is allowed. The nonces submitted there are known, so the pool gets none twice.
    mutating func reuse(for miner: MinerID) -> UInt8? {
        guard let slot = leastWorn() else { return nil }
        slots[Int(slot)] = .owned(miner)
        ownedCount += 1
        return slot
    }

    /// The dead slot that `reuse` assigns. It changes nothing, but is mutating so that it works in place: otherwise all
    /// slots would be copied.
    mutating func leastWorn() -> UInt8? {
        var found: UInt8?
        for slot in 0..<size where slots[slot] == .dead {
            if wears[slot] < found.map({ wears[Int($0)] }) ?? .max { found = UInt8(slot) }
        }
        return found
    }

    func wear(of slot: UInt8) -> UInt16 { wears[Int(slot)] }

    /// The miner of `slot` has left: the slot is dead until `freeDeadSlots`, unless it was never searched.
    mutating func release(_ slot: UInt8, wasSearched: Bool, wear: UInt16 = 0x7fff) {
        guard case .owned = self[slot] else { return }
        slots[Int(slot)] = wasSearched ? .dead : .free
        wears[Int(slot)] = wear
        ownedCount -= 1
        if !wasSearched { freeCount += 1 }
    }

    /// Frees dead slots for new work: what was searched before does not matter for it.
    mutating func freeDeadSlots() {
        for slot in 0..<size where slots[slot] == .dead {
            slots[slot] = .free
            freeCount += 1
        }
    }

    /// Calls `body` with each owned slot and its miner, in the order of the slots.
    func forEachOwned(_ body: (UInt8, MinerID) -> Void) {
        guard ownedCount > 0 else { return }
        for slot in 0..<size {
            if case .owned(let miner) = slots[slot] { body(UInt8(slot), miner) }
        }
    }

    /// Changes the id of each owner.
    mutating func rename(_ name: (MinerID) -> MinerID) {
        for slot in 0..<size {
            if case .owned(let miner) = slots[slot] { slots[slot] = .owned(name(miner)) }
        }
    }
}

// MARK: - Coding

extension NonceSpace {
    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.integer(next)
            for slot in 0..<size {
                switch slots[slot] {
                case .free: writer.integer(UInt8(0))
                case .dead: writer.integer(UInt8(1))
                case .owned: writer.integer(UInt8(2))
                }
            }
            for slot in 0..<size {
                guard case .owned(let miner) = slots[slot] else { continue }
                writer.integer(miner.index)
                writer.integer(miner.generation)
            }
            for slot in 0..<size where slots[slot] == .dead { writer.integer(wears[slot]) }
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        var reader = try reader.record()
        let start: UInt8 = try reader.integer()
        // The states of a split space alone are longer than all of a whole one.
        self.init(start: start, isWhole: reader.remaining < NonceSpace.splitSize)
        let states = try reader.raw(size)
        for slot in 0..<size {
            switch states[slot] {
            case 0: break
            case 1:
                slots[slot] = .dead
                freeCount -= 1
            case 2:
                slots[slot] = .owned(MinerID(index: try reader.integer(), generation: try reader.integer()))
                ownedCount += 1
                freeCount -= 1
            default: throw .badField("slot")
            }
        }
        guard reader.remaining > 0 else { return }
        for slot in 0..<size where slots[slot] == .dead { wears[slot] = try reader.integer() }
    }
}
