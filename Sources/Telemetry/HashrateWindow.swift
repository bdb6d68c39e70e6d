/// Sums of difficulty over the last day, in constant memory, and the rates that follow from them.
///
/// Time is cut into buckets of four widths, each width for the windows that it can resolve; every amount goes into one
/// bucket of each. A window is the sum of its newest buckets, the oldest weighted by the part of it that the window still
/// covers, so that a rate changes smoothly. 117 buckets of eight bytes: 936 bytes, and none at all for a worker that
/// has done nothing for a day. The rings turn when something is added; reading only looks.
public struct HashrateWindow: Equatable, Sendable {
    private struct Tier {
        let widthSeconds: UInt64
        let count: Int
        let offset: Int
    }

    // One bucket more than the longest window of the tier holds: the one that is leaving it.
    private static let minute = Tier(widthSeconds: 4, count: 16, offset: 0)
    private static let tenMinutes = Tier(widthSeconds: 30, count: 21, offset: 16)
    private static let hour = Tier(widthSeconds: 120, count: 31, offset: 37)
    private static let day = Tier(widthSeconds: 1_800, count: 49, offset: 68)
    static let bucketCount = 117
    /// A clock that is set back by less than this leaves the buckets as they are.
    static let backwardSecondsMax: UInt64 = 5
    /// So long after its second an amount has left every window.
    static let memorySeconds: UInt64 = 86_400 + 1_800

    /// The buckets of all tiers, each a ring; empty = all zero.
    private var buckets: [UInt64] = []
    /// The second up to which the rings are turned: the latest that something was added in.
    private var latest: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - amount: credited difficulty.
    ///   - time: when, in milliseconds since 1970. May be earlier than what was added before (a replay): it then goes where
    ///     it belongs, if the window still reaches there. The caller keeps it from lying in the future.
    public mutating func add(_ amount: UInt64, at time: UInt64) {
        let second = time / 1_000
        if buckets.isEmpty {
            buckets = [UInt64](repeating: 0, count: HashrateWindow.bucketCount)
            latest = second
        }
        if second > latest { turn(to: second) }
        for tier in HashrateWindow.tiers { add(amount, second, tier) }
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
    var heapBytes: Int { buckets.capacity * MemoryLayout<UInt64>.stride }

    // MARK: - Turning the rings

    private mutating func turn(to second: UInt64) {
        for tier in HashrateWindow.tiers { clear(tier, after: latest, through: second) }
        latest = second
    }

    /// Frees what has left every window. If the clock was set back, what seems to lie in the future now is dropped, so
    /// that the present can be counted.
    private mutating func forgetWhatIsOver(at second: UInt64) {
        if second > latest {
            if second - latest > HashrateWindow.memorySeconds { buckets = [] }
        } else if latest - second > HashrateWindow.backwardSecondsMax, !buckets.isEmpty {
            for tier in HashrateWindow.tiers { clear(tier, after: second, through: latest) }
            latest = second
        }
    }

    private mutating func clear(_ tier: Tier, after old: UInt64, through new: UInt64) {
        let from = old / tier.widthSeconds
        let count = min(new / tier.widthSeconds - from, UInt64(tier.count))
        for step in 0..<count { buckets[HashrateWindow.place(from + 1 + step, tier)] = 0 }
    }

    // MARK: - Buckets

    private static let tiers = [minute, tenMinutes, hour, day]

    private static func place(_ index: UInt64, _ tier: Tier) -> Int {
        tier.offset + Int(index % UInt64(tier.count))
    }

    private mutating func add(_ amount: UInt64, _ second: UInt64, _ tier: Tier) {
        let index = second / tier.widthSeconds
        guard latest / tier.widthSeconds - index < UInt64(tier.count) else { return }
        buckets[HashrateWindow.place(index, tier)].add(saturating: amount)
    }

    private func rate(of seconds: UInt64, _ tier: Tier, _ now: UInt64) -> Double {
        let newest = now / 1_000 / tier.widthSeconds
        // The bucket that the window is leaving; in the first day after 1970 the first there is.
        let leaving = newest - min(seconds / tier.widthSeconds, newest)
        // The rings have not turned since the latest amount: what is newer does not stand in them yet.
        let filled = min(newest, latest / tier.widthSeconds)
        guard filled >= leaving else { return 0 }
        var sum: UInt64 = 0
        for index in leaving..<filled { sum.add(saturating: buckets[HashrateWindow.place(index + 1, tier)]) }
        let width = tier.widthSeconds * 1_000
        let passed = Double(now % width) / Double(width)
        let rest = Double(buckets[HashrateWindow.place(leaving, tier)]) * (1 - passed)
        return (Double(sum) + rest) / Double(seconds)
    }
}

// MARK: - Saved form

extension HashrateWindow {
    func pack(to writer: inout ByteWriter) {
        writer.packed(latest)
        writer.integer(UInt8(buckets.isEmpty ? 0 : 1))
        if !buckets.isEmpty { writer.packedRuns(buckets) }
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        latest = try reader.packed()
        // As many seconds as milliseconds can say.
        guard latest <= .max / 1_000 else { throw .invalidField }
        switch try reader.integer(UInt8.self) {
        case 0: buckets = []
        case 1: buckets = try reader.packedRuns(count: HashrateWindow.bucketCount)
        default: throw .invalidField
        }
    }
}
