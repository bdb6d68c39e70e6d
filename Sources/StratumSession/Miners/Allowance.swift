internal import StratumProtocol

/// A rate limit with a burst, in one number: spending moves a time forward, and the clock catches up with it.
struct Allowance: Equatable {
    /// The time at which everything spent has been recovered.
    private(set) var spentUntil = Instant(microseconds: 0)

    mutating func spend(_ cost: Milliseconds, at now: Instant) {
        spentUntil = max(spentUntil, now) + cost
    }

    mutating func refund(_ cost: Milliseconds) {
        spentUntil.microseconds -= min(spentUntil.microseconds, cost.count * 1_000)
    }

    /// The time until no more is spent than `burst` allows.
    func excess(over burst: Milliseconds, at now: Instant) -> Milliseconds {
        Milliseconds(spentUntil.microseconds(since: now + burst) / 1_000)
    }

    /// Whether more was spent than `burst` allows.
    func isExceeded(_ burst: Milliseconds, at now: Instant) -> Bool { spentUntil > now + burst }
}

// MARK: - Coding

extension Allowance {
    func encode(to writer: inout BinaryWriter) { writer.integer(spentUntil.microseconds) }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        spentUntil = Instant(microseconds: try reader.integer())
    }
}
