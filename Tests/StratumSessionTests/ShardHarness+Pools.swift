import StratumProtocol

@testable import StratumSession

// Other pools than before.
extension ShardHarness {
    /// The login at a pool, by the harness's numbers.
    static func pool(_ number: Int) -> ShardPolicy.Pool {
        ShardPolicy.Pool(name: "pool\(number)", user: "user\(number)", password: "x")
    }

    /// The operator changes his mind.
    func adopt(_ change: (inout ShardPolicy) -> Void) {
        var policy = shard.policy
        change(&policy)
        take(.policy, bytes { policy.encode(to: &$0) })
        perform()
        keep(shard.policy == policy, "another policy than was asked for")
    }

    /// The pools of the list are these, by the harness's numbers; one that is not there yet comes into being.
    func list(_ numbers: Int...) { list(numbers) }

    func list(_ numbers: [Int]) {
        while pools.count <= numbers.max() ?? 0 { pools.append(PoolConduct()) }
        adopt { $0.pools = numbers.map(ShardHarness.pool) }
    }
}
