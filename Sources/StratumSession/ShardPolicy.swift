public import StratumProtocol

/// What the operator has decided about miners and pools: the part of the configuration that a shard's decisions need.
public struct ShardPolicy: Sendable {
    /// What a miner must give as its password; nil lets everybody in.
    public var accessPassword: String?
    public var offersAlgoExtension = true
    /// 0 = the pool's difficulty.
    public var customDifficulty: UInt64 = 0
    public var countsCustomDifficulty = false
    /// In order of preference; never empty, at most `Limits.poolsMax`.
    public var pools: [Pool]
    /// Failures of the first pool before the second is dialled.
    public var retries = 2
    public var retryPause = Milliseconds.seconds(1)
    /// The user agent that pools see.
    public var agent: String
    /// Opens the first upstream before a miner has come, and never closes it: one shard does, so that the operator
    /// learns at once whether the pool is there.
    public var keepsFirstUpstream = false

    public init(pools: [Pool], agent: String) {
        precondition(!pools.isEmpty, "a shard needs a pool")
        precondition(pools.count <= Limits.poolsMax, "a shard cannot name more than \(Limits.poolsMax) pools")
        self.pools = pools
        self.agent = agent
    }

    /// Our login at a pool.
    public struct Pool: Sendable {
        public var user: String
        public var password: String
        public var rigID: String?
        /// The algorithm of jobs that name none.
        public var algorithm: AlgorithmName?
        /// Our silence before a keepalive goes out, when the pool offers it.
        public var keepalive: Milliseconds

        /// - Parameter keepalive: 0 stands for 60 s: a pool that offers keepalives expects them (behaviour.md §9).
        public init(
            user: String, password: String, rigID: String? = nil, algorithm: AlgorithmName? = nil,
            keepalive: Milliseconds = .seconds(60)
        ) {
            self.user = user
            self.password = password
            self.rigID = rigID
            self.algorithm = algorithm
            self.keepalive = keepalive.count > 0 ? keepalive : .seconds(60)
        }
    }
}
