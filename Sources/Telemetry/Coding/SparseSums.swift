/// Up to 128 sums by place. Only sums that are not zero use memory: four bytes each while all of them fit into 32 bits,
/// otherwise eight.
///
/// A bit set records the places with a sum; the sums are stored in the order of their places. So the sum of adjacent
/// places is that of a contiguous range, and the index of a place is the number of bits before its own.
struct SparseSums: Sendable {
    static let countMax = 128

    /// Places reserved when memory is full. Doubling would reserve too much.
    private static let growth = 8

    private var occupied: UInt128 = 0
    private var low: [UInt32] = []
    /// The upper halves; empty while all of them are zero.
    private var high: [UInt32] = []

    init() {}

    init(_ sums: [UInt64]) {
        low.reserveCapacity(sums.count { $0 > 0 })
        for (place, sum) in sums.enumerated() { add(sum, to: place) }
    }

    var isEmpty: Bool { occupied == 0 }

    /// Heap memory, without the value itself.
    var heapBytes: Int { (low.capacity + high.capacity) * MemoryLayout<UInt32>.stride }

    subscript(place: Int) -> UInt64 {
        contains(place) ? sum(at: rank(of: place)) : 0
    }

    func sum(of places: ClosedRange<Int>) -> UInt64 {
        let stretch = rank(of: places.lowerBound)..<rank(of: places.upperBound + 1)
        var total: UInt64 = 0
        if high.isEmpty {
            // 128 numbers of 32 bits cannot overflow 64 bits.
            for index in stretch { total &+= UInt64(low[index]) }
        } else {
            for index in stretch { total.add(saturating: sum(at: index)) }
        }
        return total
    }

    /// Saturates at the maximum.
    mutating func add(_ amount: UInt64, to place: Int) {
        guard amount > 0 else { return }
        let index = rank(of: place)
        if !contains(place) { insert(at: index, place) }
        var sum = sum(at: index)
        sum.add(saturating: amount)
        low[index] = UInt32(truncatingIfNeeded: sum)
        let upper = UInt32(truncatingIfNeeded: sum >> 32)
        if high.isEmpty {
            guard upper > 0 else { return }
            high = [UInt32](repeating: 0, count: low.count)
        }
        high[index] = upper
    }

    mutating func clear(_ place: Int) {
        guard contains(place) else { return }
        let index = rank(of: place)
        occupied &= ~SparseSums.bit(place)
        low.remove(at: index)
        if !high.isEmpty { high.remove(at: index) }
    }

    private mutating func insert(at index: Int, _ place: Int) {
        occupied |= SparseSums.bit(place)
        if low.count == low.capacity { low.reserveCapacity(low.count + SparseSums.growth) }
        low.insert(0, at: index)
        if !high.isEmpty {
            if high.count == high.capacity { high.reserveCapacity(high.count + SparseSums.growth) }
            high.insert(0, at: index)
        }
    }

    private static func bit(_ place: Int) -> UInt128 { 1 &<< UInt128(truncatingIfNeeded: place) }

    private func contains(_ place: Int) -> Bool { occupied & SparseSums.bit(place) != 0 }

    /// The number of sums before `place`.
    private func rank(of place: Int) -> Int { (occupied & (SparseSums.bit(place) &- 1)).nonzeroBitCount }

    private func sum(at index: Int) -> UInt64 {
        UInt64(low[index]) | (high.isEmpty ? 0 : UInt64(high[index]) << 32)
    }
}

extension SparseSums: Equatable {
    static func == (one: Self, other: Self) -> Bool {
        one.occupied == other.occupied && one.low == other.low && one.upper.elementsEqual(other.upper)
    }

    private var upper: some Sequence<UInt32> { low.indices.lazy.map { high.isEmpty ? 0 : high[$0] } }
}
