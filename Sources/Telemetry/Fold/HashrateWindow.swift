/// Sums of difficulty over the last day in constant memory, and the hashrates computed from them.
///
/// Time is divided into buckets of four widths, each for the windows that it can resolve. Every amount is added to one
/// bucket of each width. A window is the sum of its newest buckets; the oldest is weighted by the part of it that the
/// window still covers, so that the rate changes smoothly. Only adding an amount advances the rings, not reading.
///
/// Of the 117 buckets only those that are not zero are stored (`SparseSums`). A worker that mines continuously uses
/// about 470 bytes, one that has just begun or mines rarely a fraction of that, and one without shares for a day none.
public struct HashrateWindow: Equatable, Sendable {
    private struct Tier {
        let widthSeconds: UInt64
        let count: UInt64
        let offset: Int
    }

    // One bucket more than the longest window of the tier: the window is leaving it. Computed properties, so that the
    // compiler divides by constants.
    private static var minute: Tier { Tier(widthSeconds: 4, count: 16, offset: 0) }
    private static var tenMinutes: Tier { Tier(widthSeconds: 30, count: 21, offset: 16) }
    private static var hour: Tier { Tier(widthSeconds: 120, count: 31, offset: 37) }
    private static var day: Tier { Tier(widthSeconds: 1_800, count: 49, offset: 68) }
    static let bucketCount = 117
    /// A clock that is set back by less than this does not clear buckets.
    static let backwardSecondsMax: UInt64 = 5
    /// After this time an amount is in no window.
    static let memorySeconds: UInt64 = 86_400 + 1_800

    /// The buckets of all tiers. Each tier is a ring.
    private var buckets = SparseSums()
    /// The second up to which the rings have advanced: the latest second with an amount.
    private var latest: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - amount: credited difficulty.
    ///   - time: milliseconds since 1970, not in the future. May be earlier than the times before it (replay): the
    ///     amount is then added to its own buckets, as far as they still exist.
    public mutating func add(_ amount: UInt64, at time: UInt64) {
        let second = time / 1_000
        if buckets.isEmpty { latest = second }
        if second > latest { turn(to: second) }
        add(amount, second, HashrateWindow.minute)
        add(amount, second, HashrateWindow.tenMinutes)
        add(amount, second, HashrateWindow.hour)
        add(amount, second, HashrateWindow.day)
    }

    /// The hashrates of the five windows. The caller knows the uptime and sets `allTime`.
    /// - Parameter now: milliseconds since 1970.
    public mutating func rates(at now: UInt64) -> Hashrates {
        var rates = Hashrates()
        forgetWhatIsOver(at: now / 1_000)
        guard !buckets.isEmpty else { return rates }
        let present = max(now, latest * 1_000)
        rates.oneMinute = rate(of: 60, HashrateWindow.minute, present)
        rates.tenMinutes = rate(of: 600, HashrateWindow.tenMinutes, present)
        rates.oneHour = rate(of: 3_600, HashrateWindow.hour, present)
        rates.twelveHours = rate(of: 43_200, HashrateWindow.day, present)
        rates.oneDay = rate(of: 86_400, HashrateWindow.day, present)
        return rates
    }

    /// The heap memory of the buckets.
    var heapBytes: Int { buckets.heapBytes }

    // MARK: - Turning the rings

    private mutating func turn(to second: UInt64) {
        clear(after: latest, through: second)
        latest = second
    }

    /// Frees the buckets when no window covers them any more. After the clock was set back, drops the buckets that are
    /// now in the future, so that current shares can be counted.
    private mutating func forgetWhatIsOver(at second: UInt64) {
        if second > latest {
            if second - latest > HashrateWindow.memorySeconds { buckets = SparseSums() }
        } else if latest - second > HashrateWindow.backwardSecondsMax, !buckets.isEmpty {
            clear(after: second, through: latest)
            latest = second
        }
    }

    private mutating func clear(after old: UInt64, through new: UInt64) {
        clear(HashrateWindow.minute, after: old, through: new)
        clear(HashrateWindow.tenMinutes, after: old, through: new)
        clear(HashrateWindow.hour, after: old, through: new)
        clear(HashrateWindow.day, after: old, through: new)
    }

    @inline(__always)
    private mutating func clear(_ tier: Tier, after old: UInt64, through new: UInt64) {
        let from = old / tier.widthSeconds
        let count = min(new / tier.widthSeconds - from, tier.count)
        for step in 0..<count { buckets.clear(HashrateWindow.place(from + 1 + step, tier)) }
    }

    // MARK: - Buckets

    @inline(__always)
    private static func place(_ index: UInt64, _ tier: Tier) -> Int {
        tier.offset + Int(index % tier.count)
    }

    @inline(__always)
    private mutating func add(_ amount: UInt64, _ second: UInt64, _ tier: Tier) {
        let index = second / tier.widthSeconds
        guard latest / tier.widthSeconds - index < tier.count else { return }
        buckets.add(amount, to: HashrateWindow.place(index, tier))
    }

    @inline(__always)
    private func rate(of seconds: UInt64, _ tier: Tier, _ now: UInt64) -> Double {
        let newest = now / 1_000 / tier.widthSeconds
        // The bucket that the window is leaving. During the first day after 1970: the first bucket.
        let leaving = newest - min(seconds / tier.widthSeconds, newest)
        // The rings have not advanced since the latest amount: they have no newer buckets yet.
        let filled = min(newest, latest / tier.widthSeconds)
        guard filled >= leaving else { return 0 }
        let sum = sum(after: leaving, through: filled, tier)
        let width = tier.widthSeconds * 1_000
        let passed = Double(now % width) / Double(width)
        let rest = Double(buckets[HashrateWindow.place(leaving, tier)]) * (1 - passed)
        return (Double(sum) + rest) / Double(seconds)
    }

    /// At most two contiguous ranges, because the ring wraps around.
    @inline(__always)
    private func sum(after leaving: UInt64, through filled: UInt64, _ tier: Tier) -> UInt64 {
        guard filled > leaving else { return 0 }
        let first = HashrateWindow.place(leaving + 1, tier)
        let last = HashrateWindow.place(filled, tier)
        if first <= last { return buckets.sum(of: first...last) }
        var sum = buckets.sum(of: first...tier.offset + Int(tier.count) - 1)
        sum.add(saturating: buckets.sum(of: tier.offset...last))
        return sum
    }
}

// MARK: - Coding

extension HashrateWindow {
    func pack(to writer: inout ByteWriter) {
        writer.packed(latest)
        writer.integer(UInt8(buckets.isEmpty ? 0 : 1))
        if !buckets.isEmpty { writer.packedRuns((0..<HashrateWindow.bucketCount).lazy.map { buckets[$0] }) }
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        latest = try reader.packed()
        // As many seconds as `UInt64` milliseconds can hold.
        guard latest <= .max / 1_000 else { throw .invalidField }
        switch try reader.integer(UInt8.self) {
        case 0: break
        case 1: buckets = SparseSums(try reader.packedRuns(count: HashrateWindow.bucketCount))
        default: throw .invalidField
        }
    }
}
