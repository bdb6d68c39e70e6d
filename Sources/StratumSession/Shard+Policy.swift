internal import StratumProtocol

extension Shard {
    /// Applies a new policy.
    ///
    /// It is effective from now on: the access password, difficulty and extensions for new logins, the retries and
    /// pauses for the next event of a pool. Miners stay connected, and so do pools that stay in the list, whatever
    /// their place in it. A new pool is connected to as its place requires. A pool that is not in the list any more, or
    /// has another login there, serves until one in the list has sent a job; then it is drained (`Limits.drain`), like
    /// a backup when the first pool is back.
    public mutating func adopt(_ policy: ShardPolicy, at now: Instant) {
        let keepsFirstUpstream = policy.keepsFirstUpstream && !self.policy.keepsFirstUpstream
        let keepsFirst = policy.pools[0].isSame(as: self.policy.pools[0])
        self.policy = policy
        seatPools(at: now)
        for upstream in upstreams.indices {
            let active = upstreams[upstream].activePool.flatMap { seats[$0].rank }
            upstreams[upstream].choice.adopt(
                count: policy.pools.count, retries: policy.retries, active: active.map { Int($0) },
                keepsFirst: keepsFirst, at: now)
            dialWanted(upstream, at: now)
        }
        if keepsFirstUpstream, upstreams.first?.isSuspended ?? true { _ = openUpstream(at: now) }
    }
}

extension ShardPolicy {
    /// Decodes the bytes of `ShardInput.policy`.
    /// - Returns: nil when they are not a policy.
    init?(written bytes: Span<UInt8>) {
        let read = bytes.withUnsafeBytes { bytes -> ShardPolicy? in
            var reader = BinaryReader(bytes)
            return try? ShardPolicy(decoding: &reader)
        }
        guard let read else { return nil }
        self = read
    }
}
