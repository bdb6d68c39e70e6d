internal import StratumProtocol

/// The nonces submitted for one job, so that none is submitted twice: a hash table with open addressing that allocates
/// only when it grows. It grows in steps: with each new nonce a few places move to the larger table, so that no share
/// waits until all have moved.
struct SeenNonces {
    enum Insertion: Equatable {
        case new
        case seen
        /// The limit of its slot or of the job is reached; it was not added.
        case full
    }

    private static let capacityMin = 64
    /// Places of the former table that move with each new nonce. The larger table has room for half as many nonces as
    /// the former one has places before it must grow, so 2 would be enough; with 8 the second search soon ends.
    private static let placesMovedEach = 8

    /// 0 marks an empty place; the nonce 0 has a flag.
    private var places: [UInt32] = []
    /// The smaller table before, empty when everything has moved. Places before `movedCount` have moved; they keep
    /// their nonces, so that a search finds no gap.
    private var former: [UInt32] = []
    private var movedCount = 0
    private var hasZero = false
    private(set) var count = 0
    private let limit: Int
    /// The number of nonces in each slot (the most significant byte): one miner cannot use up the room of the others.
    /// Empty while there are no nonces.
    private var slotCounts: [UInt32] = []
    private let slotLimit: UInt32
    /// Odd and secret: miners choose the nonces, and must not be able to make them collide.
    private let multiplier: UInt64

    init(salt: UInt64, limit: Int = Limits.noncesPerJobMax, slotLimit: UInt32 = Limits.noncesPerSlotMax) {
        self.limit = limit
        self.slotLimit = slotLimit
        multiplier = salt | 1
    }

    /// - Parameter isOfOneMiner: it may use all nonces, but not more of them than a miner with a slot.
    init(salt: UInt64, isOfOneMiner: Bool) {
        let most = Limits.noncesPerSlotMax * Limits.nonceSlotStretch
        self.init(
            salt: salt, limit: isOfOneMiner ? Int(most) : Limits.noncesPerJobMax,
            slotLimit: isOfOneMiner ? most : Limits.noncesPerSlotMax)
    }

    mutating func insert(_ nonce: UInt32) -> Insertion {
        if nonce == 0 {
            if hasZero { return .seen }
            guard hasRoom(for: nonce) else { return .full }
            hasZero = true
            countOne(nonce)
            return .new
        }
        if !former.isEmpty {
            if former[place(of: nonce, in: former)] == nonce { return .seen }
            moveSome()
        }
        if !places.isEmpty {
            let place = place(of: nonce, in: places)
            if places[place] == nonce { return .seen }
            guard hasRoom(for: nonce) else { return .full }
            // The table is at least half empty, so searches are short.
            if count < places.count / 2 {
                places[place] = nonce
                countOne(nonce)
                return .new
            }
        }
        guard hasRoom(for: nonce) else { return .full }
        grow()
        places[place(of: nonce, in: places)] = nonce
        countOne(nonce)
        return .new
    }

    /// A slot may exceed its part while the rest of the job's room is mostly free.
    private func hasRoom(for nonce: UInt32) -> Bool {
        guard count < limit else { return false }
        guard !slotCounts.isEmpty else { return true }
        let slotCount = slotCounts[Int(nonce >> 24)]
        return slotCount < slotLimit || (slotCount < slotLimit * Limits.nonceSlotStretch && count < limit / 4)
    }

    private mutating func countOne(_ nonce: UInt32) {
        count += 1
        if slotCounts.isEmpty { slotCounts = [UInt32](repeating: 0, count: NonceSpace.splitSize) }
        slotCounts[Int(nonce >> 24)] += 1
    }

    private mutating func grow() {
        // The former table has moved long before (see `placesMovedEach`).
        while !former.isEmpty { moveSome() }
        let larger = [UInt32](repeating: 0, count: max(SeenNonces.capacityMin, places.count * 2))
        former = places
        movedCount = 0
        places = larger
    }

    private mutating func moveSome() {
        let end = min(movedCount + SeenNonces.placesMovedEach, former.count)
        for index in movedCount..<end where former[index] != 0 {
            places[place(of: former[index], in: places)] = former[index]
        }
        movedCount = end
        if movedCount == former.count { former = [] }
    }

    /// The place of `nonce`, or the empty place where it belongs.
    private func place(of nonce: UInt32, in places: [UInt32]) -> Int {
        let mask = places.count - 1
        // Multiplicative hashing: miners count upwards, and successive nonces must not collide.
        var place = Int((UInt64(nonce) &* multiplier) >> 32) & mask
        while places[place] != 0, places[place] != nonce { place = (place + 1) & mask }
        return place
    }
}

// MARK: - Coding

extension SeenNonces {
    /// Bits of the first byte.
    private static let zeroBit: UInt8 = 1
    private static let formerBit: UInt8 = 2

    func encode(to writer: inout BinaryWriter) {
        writer.integer((hasZero ? SeenNonces.zeroBit : 0) | (former.isEmpty ? 0 : SeenNonces.formerBit))
        writer.integer(multiplier)
        SeenNonces.encode(places, to: &writer)
        guard !former.isEmpty else { return }
        writer.integer(UInt32(movedCount))
        SeenNonces.encode(former, to: &writer)
    }

    init(decoding reader: inout BinaryReader, isOfOneMiner: Bool = false) throws(DecodingFault) {
        let bits: UInt8 = try reader.integer()
        guard bits & ~(SeenNonces.zeroBit | SeenNonces.formerBit) == 0 else { throw .badField("nonces") }
        self.init(salt: try reader.integer(), isOfOneMiner: isOfOneMiner)
        hasZero = bits & SeenNonces.zeroBit != 0
        places = try SeenNonces.table(decoding: &reader)
        if bits & SeenNonces.formerBit != 0 {
            let moved: UInt32 = try reader.integer()
            former = try SeenNonces.table(decoding: &reader)
            guard Int(moved) < former.count, former.count < places.count else { throw .badField("nonces") }
            movedCount = Int(moved)
        }
        var counts = [UInt32](repeating: 0, count: NonceSpace.splitSize)
        for nonce in places where nonce != 0 { counts[Int(nonce >> 24)] += 1 }
        for nonce in former[min(movedCount, former.count)...] where nonce != 0 { counts[Int(nonce >> 24)] += 1 }
        if hasZero { counts[0] += 1 }
        count = counts.reduce(0) { $0 + Int($1) }
        // All nonces fit into the larger table, and a search in it ends.
        guard count - (hasZero ? 1 : 0) <= places.count / 2 else { throw .badField("nonces") }
        if count > 0 { slotCounts = counts }
    }

    /// The table as it is: inserting every nonce again would take longer than everything else.
    private static func encode(_ places: [UInt32], to writer: inout BinaryWriter) {
        writer.integer(UInt32(places.count))
        places.withUnsafeBytes { writer.raw($0) }
    }

    private static func table(decoding reader: inout BinaryReader) throws(DecodingFault) -> [UInt32] {
        let size = try reader.entryCount(max: 4 * Limits.noncesPerJobMax, bytesMin: 4, "nonces")
        let bytes = try reader.raw(size * 4)
        let places = [UInt32](unsafeUninitializedCapacity: size) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            count = size
        }
        var stored = 0
        for nonce in places where nonce != 0 { stored += 1 }
        // A search masks the place and ends at an empty one, so the size must be a power of two and places must be
        // empty.
        guard size & (size - 1) == 0 || size == 0, size == 0 || size >= SeenNonces.capacityMin, stored <= size / 2
        else {
            throw .badField("nonces")
        }
        return places
    }
}
