internal import StratumSession

// Names of miners and pools in the log.

extension Worker {
    /// The address of a miner; nil when its row belongs to another miner now.
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
