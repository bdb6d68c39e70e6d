/// Sums of difficulty over the last day, in constant memory, and the rates that follow from them.
///
/// Time is cut into buckets of four widths, each width for the windows that it can resolve; every amount goes into one
/// bucket of each. A window is the sum of its newest buckets, the oldest weighted by the part of it that the window still
/// covers, so that a rate changes smoothly. The rings turn when something is added; reading only looks.
///
/// Of the 117 buckets only those are stored that are not zero (`SparseSums`): who mines all the time takes about 470 bytes,
/// who has just begun, or mines now and then, a fraction of it, and who has done nothing for a day none.
public struct HashrateWindow: Equatable, Sendable {
    private struct Tier {
        let widthSeconds: UInt64
        let count: UInt64
        let offset: Int
    }

    // One bucket more than the longest window of the tier holds: the one that is leaving it. Computed, so that the compiler
    // divides by constants.
    private static var minute: Tier { Tier(widthSeconds: 4, count: 16, offset: 0) }
    private static var tenMinutes: Tier { Tier(widthSeconds: 30, count: 21, offset: 16) }
    private static var hour: Tier { Tier(widthSeconds: 120, count: 31, offset: 37) }
    private static var day: Tier { Tier(widthSeconds: 1_800, count: 49, offset: 68) }
    static let bucketCount = 117
    /// A clock that is set back by less than this leaves the buckets as they are.
    static let backwardSecondsMax: UInt64 = 5
    /// So long after its second an amount has left every window.
    static let memorySeconds: UInt64 = 86_400 + 1_800

    /// The buckets of all tiers, each a ring.
    private var buckets = SparseSums()
    /// The second up to which the rings are turned: the latest that something was added in.
    private var latest: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - amount: credited difficulty.
    ///   - time: when, in milliseconds since 1970. May be earlier than what was added before (a replay): it then goes where
    ///     it belongs, if the window still reaches there. The caller keeps it from lying in the future.
    public mutating func add(_ amount: UInt64, at time: UInt64) {
        let second = time / 1_000
        if buckets.isEmpty { latest = second }
        if second > latest { turn(to: second) }
        add(amount, second, HashrateWindow.minute)
        add(amount, second, HashrateWindow.tenMinutes)
        add(amount, second, HashrateWindow.hour)
        add(amount, second, HashrateWindow.day)
    }

    /// The rates of the five windows; the caller knows the uptime and fills in `allTime`.
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

    /// What the buckets take beside the value itself.
    var heapBytes: Int { buckets.heapBytes }

    // MARK: - Turning the rings

    private mutating func turn(to second: UInt64) {
        clear(after: latest, through: second)
        latest = second
    }

    /// Frees what has left every window. If the clock was set back, what seems to lie in the future now is dropped, so
    /// that the present can be counted.
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
        // The bucket that the window is leaving; in the first day after 1970 the first there is.
        let leaving = newest - min(seconds / tier.widthSeconds, newest)
        // The rings have not turned since the latest amount: what is newer does not stand in them yet.
        let filled = min(newest, latest / tier.widthSeconds)
        guard filled >= leaving else { return 0 }
        let sum = sum(after: leaving, through: filled, tier)
        let width = tier.widthSeconds * 1_000
        let passed = Double(now % width) / Double(width)
        let rest = Double(buckets[HashrateWindow.place(leaving, tier)]) * (1 - passed)
        return (Double(sum) + rest) / Double(seconds)
    }

    /// The buckets lie side by side but for the turn of the ring.
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
        // As many seconds as milliseconds can say.
        guard latest <= .max / 1_000 else { throw .invalidField }
        switch try reader.integer(UInt8.self) {
        case 0: break
        case 1: buckets = SparseSums(try reader.packedRuns(count: HashrateWindow.bucketCount))
        default: throw .invalidField
        }
    }
}
