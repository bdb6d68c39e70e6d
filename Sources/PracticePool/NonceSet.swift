/// The nonces submitted for one job: an open hash table of integers.
///
/// A `Set` takes five times the memory, which matters at a hundred thousand shares a second.
struct NonceSet: Sendable {
    /// Nonces of one client and job: a minute and a half without a new job at 100,000 shares a second. 64 MiB when
    /// full.
    static let countMax = 1 << 23

    enum Answer: Equatable { case new, seen, full }

    /// The length is a power of two. 0 marks a free slot, so the nonce 0 has its own flag.
    private var places: [UInt32] = []
    private var hasZero = false
    private(set) var count = 0

    mutating func insert(_ nonce: UInt32) -> Answer {
        if nonce == 0 {
            defer { hasZero = true }
            return hasZero ? .seen : .new
        }
        if (count + 1) * 2 > places.count {
            if holds(nonce) { return .seen }
            guard count < Self.countMax else { return .full }
            grow()
        }
        let place = place(of: nonce)
        guard places[place] == 0 else { return .seen }
        places[place] = nonce
        count += 1
        return .new
    }

    private func holds(_ nonce: UInt32) -> Bool {
        !places.isEmpty && places[place(of: nonce)] == nonce
    }

    /// The slot of the nonce, or the one for inserting it: linear probing from a multiplicative hash.
    private func place(of nonce: UInt32) -> Int {
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: (UInt64(nonce) &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
        while places[place] != 0, places[place] != nonce { place = (place + 1) & mask }
        return place
    }

    private mutating func grow() {
        let old = places
        places = [UInt32](repeating: 0, count: max(64, old.count * 2))
        for nonce in old where nonce != 0 { places[place(of: nonce)] = nonce }
    }
}
