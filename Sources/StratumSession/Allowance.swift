internal import StratumProtocol

/// A rate with a burst, in one number: what is spent costs time, and that time passes.
struct Allowance: Equatable {
    /// When all that was spent has been made up for.
    private(set) var spentUntil = Instant(microseconds: 0)

    mutating func spend(_ cost: Milliseconds, at now: Instant) {
        spentUntil = max(spentUntil, now) + cost
    }

    mutating func refund(_ cost: Milliseconds) {
        spentUntil.microseconds -= min(spentUntil.microseconds, cost.count * 1_000)
    }

    /// Whether more was spent than may be at once.
    func isExceeded(_ burst: Milliseconds, at now: Instant) -> Bool { spentUntil > now + burst }
}

// MARK: - Coding

extension Allowance {
    func encode(to writer: inout BinaryWriter) { writer.integer(spentUntil.microseconds) }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        spentUntil = Instant(microseconds: try reader.integer())
    }
}
