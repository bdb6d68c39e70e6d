/// Identifies one run of a shard's event stream: 128 random bits, generated at its start. Equal epochs mean the same
/// stream. Epochs have no order: which of two is newer cannot be derived from them.
public struct Epoch: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// No epoch is known: in the request of a collector that has not received anything from the shard yet.
    public static let unknown = Epoch(high: 0, low: 0)
}
