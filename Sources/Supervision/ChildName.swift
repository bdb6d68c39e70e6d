/// The name of a child of the service.
public enum ChildName: Hashable, Sendable, Codable, CustomStringConvertible {
    case collector
    case shard(Int)
    case gateway

    /// The name in log lines, such as "shard 0".
    public var description: String {
        switch self {
        case .collector: "collector"
        case .shard(let number): "shard \(number)"
        case .gateway: "gateway"
        }
    }
}
