/// Durations in fixed memory: 32 buckets for each doubling, so that percentiles are accurate to 3 %.
struct Histogram: Sendable {
    private static let bitsPerDoubling: UInt64 = 5
    /// 2⁴² ns, over an hour: longer durations count as this.
    private static let nanosMax: UInt64 = 1 << 42
    private static let bucketCount = index(of: nanosMax) + 1

    private var buckets = [UInt64](repeating: 0, count: bucketCount)
    private(set) var count: UInt64 = 0
    private(set) var maxNanos: UInt64 = 0

    mutating func add(nanos: UInt64) {
        buckets[Self.index(of: min(nanos, Self.nanosMax))] += 1
        count += 1
        maxNanos = max(maxNanos, nanos)
    }

    /// The upper end of the bucket that contains the given quantile; 0 without durations.
    /// - Parameter part: 0.5 for the median, 0.99 for the 99th percentile.
    func nanos(atPart part: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let rank = UInt64((Double(count) * part).rounded(.up))
        var below: UInt64 = 0
        for (index, amount) in buckets.enumerated() where amount > 0 {
            below += amount
            if below >= rank { return min(Self.upperEnd(of: index), maxNanos) }
        }
        return maxNanos
    }

    /// The buckets that are not empty, as (upper end in nanoseconds, count), so that results of several processes can
    /// be added.
    var filled: [[UInt64]] {
        buckets.enumerated().compactMap { $1 > 0 ? [Self.upperEnd(of: $0), $1] : nil }
    }

    /// Values below 64 have a bucket each; for larger values the highest six bits select it.
    private static func index(of nanos: UInt64) -> Int {
        let linear: UInt64 = 1 << (bitsPerDoubling + 1)
        guard nanos >= linear else { return Int(nanos) }
        let shift = UInt64(63 - nanos.leadingZeroBitCount) - bitsPerDoubling
        return Int((shift << bitsPerDoubling) + (nanos >> shift))
    }

    private static func upperEnd(of index: Int) -> UInt64 {
        let index = UInt64(index)
        let linear: UInt64 = 1 << (bitsPerDoubling + 1)
        guard index >= linear else { return index }
        let shift = (index >> bitsPerDoubling) - 1
        let mantissa = index - (shift << bitsPerDoubling)
        return ((mantissa + 1) << shift) - 1
    }
}
