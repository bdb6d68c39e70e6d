internal import StratumProtocol

/// The nonces that have been submitted for one job, so that none is submitted twice: a set with open addressing that
/// allocates only when it grows.
struct SeenNonces {
    enum Insertion: Equatable {
        case new
        case seen
        /// More than the limit of its slot or of the job; it was not added.
        case full
    }

    private static let capacityMin = 64

    /// 0 marks an empty place; the nonce 0 itself has a flag.
    private var places: [UInt32] = []
    private var hasZero = false
    private(set) var count = 0
    private let limit: Int
    /// How many there are of each slot (the nonce's most significant byte): one miner cannot use up the room of the
    /// others. Empty as long as there is none.
    private var slotCounts: [UInt16] = []
    private let slotLimit: UInt16
    /// Odd, and a secret: miners choose the nonces, and must not be able to choose where they crowd.
    private let multiplier: UInt64

    init(salt: UInt64, limit: Int = Limits.noncesPerJobMax, slotLimit: UInt16 = Limits.noncesPerSlotMax) {
        self.limit = limit
        self.slotLimit = slotLimit
        multiplier = salt | 1
    }

    mutating func insert(_ nonce: UInt32) -> Insertion {
        if nonce == 0 {
            if hasZero { return .seen }
            guard hasRoom(for: nonce) else { return .full }
            hasZero = true
            countOne(nonce)
            return .new
        }
        if !places.isEmpty {
            let place = place(of: nonce, in: places)
            if places[place] == nonce { return .seen }
            guard hasRoom(for: nonce) else { return .full }
            // Half empty at least: searches stay short.
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

    private func hasRoom(for nonce: UInt32) -> Bool {
        guard count < limit else { return false }
        return slotCounts.isEmpty || slotCounts[Int(nonce >> 24)] < slotLimit
    }

    private mutating func countOne(_ nonce: UInt32) {
        count += 1
        if slotCounts.isEmpty { slotCounts = [UInt16](repeating: 0, count: NonceSpace.size) }
        slotCounts[Int(nonce >> 24)] += 1
    }

    private mutating func grow() {
        var larger = [UInt32](repeating: 0, count: max(SeenNonces.capacityMin, places.count * 2))
        for nonce in places where nonce != 0 { larger[place(of: nonce, in: larger)] = nonce }
        places = larger
    }

    /// Where `nonce` stands, or the empty place where it belongs.
    private func place(of nonce: UInt32, in places: [UInt32]) -> Int {
        let mask = places.count - 1
        // Multiplicative hashing: miners count upwards, and neighbours must not crowd.
        var place = Int((UInt64(nonce) &* multiplier) >> 32) & mask
        while places[place] != 0, places[place] != nonce { place = (place + 1) & mask }
        return place
    }
}

// MARK: - Written form

extension SeenNonces {
    func encode(to form: inout FormWriter) {
        form.flag(hasZero)
        form.integer(multiplier)
        form.integer(UInt32(places.count))
        // As they stand: to find each its place again would take longer than all else together.
        places.withUnsafeBytes { form.raw($0) }
    }

    init(decoding form: inout FormReader) throws(FormFault) {
        let hasZero = try form.flag()
        self.init(salt: try form.integer())
        self.hasZero = hasZero
        let size = try form.entryCount(max: 4 * Limits.noncesPerJobMax, bytesMin: 4, "nonces")
        let bytes = try form.raw(size * 4)
        places = [UInt32](unsafeUninitializedCapacity: size) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            count = size
        }
        var counts = [UInt16](repeating: 0, count: NonceSpace.size)
        var stored = 0
        for nonce in places where nonce != 0 {
            stored += 1
            // An older program had no limit for a slot.
            let slot = Int(nonce >> 24)
            if counts[slot] < .max { counts[slot] += 1 }
        }
        if hasZero { counts[0] = max(counts[0], counts[0] &+ 1) }
        // A search ends at an empty place: there must be some, and they must be found by a mask.
        guard size & (size - 1) == 0 || size == 0, size == 0 || size >= SeenNonces.capacityMin, stored <= size / 2
        else {
            throw .badField("nonces")
        }
        count = stored + (hasZero ? 1 : 0)
        if count > 0 { slotCounts = counts }
    }
}
