/// The source of an event stream. Both hops of the bus use the same kind of stream: each shard publishes its own, and
/// the collector publishes one of all shards for gateways.
public enum EventSource: Hashable, Sendable, CustomStringConvertible {
    case shard(UInt16)
    case collector

    /// The number in the head of each message. The collector uses the number that no shard has.
    public var number: UInt16 {
        switch self {
        case .shard(let number): number
        case .collector: .max
        }
    }

    /// "shard-0", "collector": the prefix of the names of its sockets.
    public var description: String {
        switch self {
        case .shard(let number): "shard-\(number)"
        case .collector: "collector"
        }
    }
}
