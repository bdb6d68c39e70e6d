/// Whose stream of events. Both hops of the bus are the same stream with the same rules: each shard publishes its own,
/// and the collector publishes one of all shards, for gateways.
public enum EventSource: Hashable, Sendable, CustomStringConvertible {
    case shard(UInt16)
    case collector

    /// In the head of each message; the collector takes the number that no shard has.
    public var number: UInt16 {
        switch self {
        case .shard(let number): number
        case .collector: .max
        }
    }

    /// "shard-0", "collector": what the names of its sockets begin with.
    public var description: String {
        switch self {
        case .shard(let number): "shard-\(number)"
        case .collector: "collector"
        }
    }
}
