/// The latencies of the pool's answers to all accepted shares: one counter per millisecond, so that the median is
/// exact. Times are clamped to 65,535 ms (docs/COMPATIBILITY.md, "Statistics"). 512 KiB, once in the collector.
public struct LatencyMedian: Equatable, Sendable {
    public static let millisecondsMax: UInt32 = 65_535

    private var counts = [UInt64](repeating: 0, count: Int(LatencyMedian.millisecondsMax) + 1)
    /// The index after the slowest answer: all counters from here on are zero.
    private var used = 0
    public private(set) var total: UInt64 = 0
    /// The sum of all latencies, not clamped.
    public private(set) var sumMicroseconds: UInt64 = 0

    public init() {}

    public mutating func add(microseconds: UInt32) {
        let milliseconds = Int(min(microseconds / 1_000, LatencyMedian.millisecondsMax))
        counts[milliseconds] += 1
        used = max(used, milliseconds + 1)
        total += 1
        sumMicroseconds.add(saturating: UInt64(microseconds))
    }

    /// The upper median in milliseconds: of an even number of answers, the slower of the middle two. 0 without answers.
    public var median: UInt32 { atRank(total / 2) }

    /// The latency in milliseconds that at least `percent` (1…100) of the answers did not exceed: 90 gives p90.
    public func percentile(_ percent: UInt64) -> UInt32 {
        guard total > 0 else { return 0 }
        // The 0-based rank of the last answer in the first `percent` hundredths, rounded up.
        let (high, low) = total.multipliedFullWidth(by: min(max(percent, 1), 100))
        let (quotient, remainder) = UInt64(100).dividingFullWidth((high, low))
        return atRank(quotient + (remainder > 0 ? 1 : 0) - 1)
    }

    private func atRank(_ rank: UInt64) -> UInt32 {
        guard rank < total else { return 0 }
        var seen: UInt64 = 0
        for (milliseconds, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen > rank { return UInt32(milliseconds) }
        }
        return 0
    }
}

// MARK: - Coding

extension LatencyMedian {
    func pack(to writer: inout ByteWriter) {
        writer.packed(sumMicroseconds)
        writer.packed(UInt64(used))
        writer.packedRuns(counts[..<used])
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        sumMicroseconds = try reader.packed()
        used = Int(try reader.packed(as: UInt32.self))
        guard used <= counts.count else { throw .tooLong }
        for (milliseconds, count) in try reader.packedRuns(count: used).enumerated() {
            // Far from the end of the range, so that further counting cannot overflow.
            guard count <= UInt64(Int64.max), total + count <= UInt64(Int64.max) else { throw .invalidField }
            counts[milliseconds] = count
            total += count
        }
        guard used == 0 || counts[used - 1] > 0 else { throw .invalidField }
    }
}
