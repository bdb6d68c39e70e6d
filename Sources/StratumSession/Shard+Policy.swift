internal import StratumProtocol

extension Shard {
    /// The operator has other wishes.
    ///
    /// They hold from here on: access password, difficulty and extensions for logins to come, retries and pauses for
    /// what a pool does next, its user and password for its next login. Miners and pool connections stay as they are.
    /// - Returns: false, and nothing has changed, when there are more or fewer pools than before: their connections are
    ///   named by their numbers.
    public mutating func adopt(_ policy: ShardPolicy, at now: Instant) -> Bool {
        guard policy.pools.count == self.policy.pools.count else { return false }
        let keepsFirst = policy.keepsFirstUpstream && !self.policy.keepsFirstUpstream
        self.policy = policy
        for upstream in upstreams.indices { upstreams[upstream].choice.adopt(retries: policy.retries) }
        if keepsFirst, upstreams.first?.isSuspended ?? true { _ = openUpstream(at: now) }
        return true
    }
}

extension ShardPolicy {
    /// The bytes of `ShardInput.policy`.
    /// - Returns: nil when they are no policy.
    init?(written bytes: Span<UInt8>) {
        let read = bytes.withUnsafeBytes { bytes -> ShardPolicy? in
            var form = FormReader(bytes)
            return try? ShardPolicy(decoding: &form)
        }
        guard let read else { return nil }
        self = read
    }
}
