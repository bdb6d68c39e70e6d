internal import StratumProtocol

extension Shard {
    /// The operator has other wishes.
    ///
    /// They hold from here on: access password, difficulty and extensions for logins to come, retries and pauses for
    /// what a pool does next. Miners stay, and so do the connections to pools that stay on the list, wherever they stand on
    /// it now. A new pool is dialled beside them as far as its place asks for it. One that is off the list, or has got
    /// another login, serves on until one on the list has given a job; then it drains (`Limits.drain`), as a backup does
    /// when the first pool is back.
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
    /// The bytes of `ShardInput.policy`.
    /// - Returns: nil when they are no policy.
    init?(written bytes: Span<UInt8>) {
        let read = bytes.withUnsafeBytes { bytes -> ShardPolicy? in
            var reader = BinaryReader(bytes)
            return try? ShardPolicy(decoding: &reader)
        }
        guard let read else { return nil }
        self = read
    }
}
