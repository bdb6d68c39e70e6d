/// Names one life of a shard's event stream: 128 random bits, drawn when the process starts. Two streams with the same
/// epoch are the same stream; nothing else can be told from it, not even which of two is younger.
public struct Epoch: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// "No epoch known": what a collector asks with that has not heard from the shard yet.
    public static let unknown = Epoch(high: 0, low: 0)
}
