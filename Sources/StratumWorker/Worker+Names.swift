internal import StratumSession

// Miners and pools as the log calls them.

extension Worker {
    /// Where a miner came from; nil when its row belongs to another one.
    func address(of id: MinerID) -> String? { shard.address(of: id) }

    func logName(of id: MinerID) -> String? { shard.introduction(of: id).flatMap(translation.naming.logName) }

    /// "rack7 at 192.0.2.7"
    func label(of id: MinerID) -> String? {
        address(of: id).map { address in logName(of: id).map { "\($0) at \(address)" } ?? address }
    }

    func poolName(atRank rank: UInt8) -> String {
        Int(rank) < shard.policy.pools.count ? shard.policy.pools[Int(rank)].name : "a removed pool"
    }
}
