/// `"shards": "auto"`: how many shards a service has for its miners.
///
/// It starts with one, because each shard with miners has pool connections of its own, and pools limit the connections
/// of an address. It gets more with its miners, and never fewer: moving back and forth would cost more than an idle
/// process.
public struct ShardGrowth: Equatable, Sendable {
    /// Miners for which a service gets one more shard. A pool connection has room for 256 miners of a shard, so that
    /// growth adds about as many pool connections as one shard would need.
    public static let minersPerShard = 400

    /// The number of cores.
    public var shardsMax: Int

    public init(shardsMax: Int) { self.shardsMax = shardsMax }

    /// The number of shards for this many miners; nil when there are enough.
    public func wanted(miners: Int, shards: Int) -> Int? {
        let wanted = min(1 + miners / ShardGrowth.minersPerShard, shardsMax)
        return wanted > shards ? wanted : nil
    }
}
