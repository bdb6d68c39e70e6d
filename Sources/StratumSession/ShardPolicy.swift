public import StratumProtocol

/// The part of the configuration that a shard's decisions depend on.
public struct ShardPolicy: Equatable, Sendable {
    /// The password that miners must send; nil accepts all miners.
    public var accessPassword: String?
    /// Whether login replies offer the `algo` extension (`algo-ext`).
    public var offersAlgoExtension = true
    /// 0 = the pool's difficulty.
    public var customDifficulty: UInt64 = 0
    /// Whether shares that meet only the miner's own difficulty are counted, and all shares are credited with that
    /// difficulty (`custom-diff-stats`).
    public var countsCustomDifficulty = false
    public var mode = Mode.nicehash
    /// How long a pool connection without a miner is kept in simple mode (`reuse-timeout`). Another miner may get it once
    /// it has a job that the former one did not have.
    public var reuse = Milliseconds(0)
    /// In simple mode, whether pools get the login of each miner instead of the operator's (`pass-login`).
    public var passesLogins = false
    /// Whether shares of miners are withheld from a pool that rejects them: pools ban addresses, and all miners of a
    /// proxy share one.
    public var guardsPools = true
    /// In order of preference; never empty, at most `Limits.poolsMax`.
    public var pools: [Pool]
    /// Failures of the first pool before the second one is tried.
    public var retries = 2
    /// The time before a failed pool is retried (`retry-pause`).
    public var retryPause = Milliseconds.seconds(1)
    /// The user agent sent to pools.
    public var agent: String
    /// Opens the first upstream before a miner has connected, and never suspends it. One shard does this, so that the
    /// operator learns at once whether the pool works.
    public var keepsFirstUpstream = false

    public init(pools: [Pool], agent: String) {
        precondition(!pools.isEmpty, "a shard needs a pool")
        precondition(pools.count <= Limits.poolsMax, "a shard cannot name more than \(Limits.poolsMax) pools")
        self.pools = pools
        self.agent = agent
    }

    /// How the nonces of a pool connection are used (docs/COMPATIBILITY.md, "Modes").
    public enum Mode: UInt8, Sendable {
        /// Up to 256 miners share them.
        case nicehash
        /// One miner has all of them.
        case simple
    }

    /// A pool and the login to it.
    public struct Pool: Equatable, Sendable {
        /// Its address, such as "pool.example:3333". With the login it identifies the pool. Empty in states of older
        /// programs.
        public var name: String
        public var user: String
        public var password: String
        public var rigID: String?
        /// The algorithm of jobs that name none.
        public var algorithm: AlgorithmName?
        /// The time without a message to the pool after which a keepalive is sent, whether the pool offers them or not;
        /// nil = only to pools that offer them, after `defaultKeepalive`.
        public var keepalive: Milliseconds?

        /// How the worker makes the connection, as text: its TLS and its proxy; empty = plain TCP. A pool with another
        /// one is another pool.
        public var connection: String

        /// The connection is made by a proxy, perhaps far away.
        public var hasProxy: Bool { connection.hasPrefix("socks5=") }

        /// The interval that pools for XMRig expect.
        public static let defaultKeepalive = Milliseconds.seconds(60)

        public init(
            name: String = "", user: String, password: String, rigID: String? = nil, algorithm: AlgorithmName? = nil,
            keepalive: Milliseconds? = nil, connection: String = ""
        ) {
            self.name = name
            self.user = user
            self.password = password
            self.rigID = rigID
            self.algorithm = algorithm
            self.keepalive = keepalive
            self.connection = connection
        }

        /// Whether a connection to one can be used for the other, because their logins are equal.
        public func isSame(as other: Pool) -> Bool {
            name == other.name && user == other.user && password == other.password && rigID == other.rigID
                && algorithm == other.algorithm && connection == other.connection
        }
    }
}

// MARK: - Coding

extension ShardPolicy {
    /// The longest text in a policy; a whole configuration can have several megabytes.
    private static let textBytesMax = 1 << 20

    /// The policy is part of the state: a replay comes to the same decisions only under the same policy.
    public func encode(to writer: inout BinaryWriter) {
        writer.record { encodeFields(to: &$0) }
    }

    private func encodeFields(to writer: inout BinaryWriter) {
        writer.text(ifGiven: accessPassword)
        writer.flag(offersAlgoExtension)
        writer.integer(customDifficulty)
        writer.flag(countsCustomDifficulty)
        writer.integer(UInt32(clamping: retries))
        writer.integer(retryPause.count)
        writer.text(agent)
        writer.flag(keepsFirstUpstream)
        writer.integer(UInt32(pools.count))
        for pool in pools { pool.encode(to: &writer) }
        writer.flag(guardsPools)
        writer.integer(mode.rawValue)
        writer.integer(reuse.count)
        writer.flag(passesLogins)
    }

    public init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        var reader = try reader.record()
        let max = ShardPolicy.textBytesMax
        accessPassword = try reader.text(ifGivenMax: max, "policy.accessPassword")
        offersAlgoExtension = try reader.flag()
        customDifficulty = try reader.integer()
        countsCustomDifficulty = try reader.flag()
        retries = Int(try reader.integer(UInt32.self))
        retryPause = Milliseconds(try reader.integer())
        agent = try reader.text(max: max, "policy.agent")
        keepsFirstUpstream = try reader.flag()
        pools = []
        let count = try reader.entryCount(max: Limits.poolsMax, bytesMin: 8, "policy.pools")
        guard count > 0 else { throw .badField("policy.pools") }
        for _ in 0..<count { pools.append(try Pool(decoding: &reader)) }
        guardsPools = reader.remaining > 0 ? try reader.flag() : true
        guard reader.remaining > 0 else { return }
        guard let mode = Mode(rawValue: try reader.integer()) else { throw .badField("policy.mode") }
        self.mode = mode
        reuse = Milliseconds(try reader.integer())
        passesLogins = try reader.flag()
    }
}

extension ShardPolicy.Pool {
    /// The longest text in a pool's entry.
    private static let textBytesMax = 1 << 20

    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.text(user)
            writer.text(password)
            writer.text(ifGiven: rigID)
            writer.flag(algorithm != nil)
            writer.bytes(algorithm ?? AlgorithmName())
            writer.integer(keepalive?.count ?? 0)
            writer.text(name)
            writer.text(connection)
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        var reader = try reader.record()
        let max = ShardPolicy.Pool.textBytesMax
        let user = try reader.text(max: max, "pool.user")
        let password = try reader.text(max: max, "pool.password")
        let rigID = try reader.text(ifGivenMax: max, "pool.rigID")
        let hasAlgorithm = try reader.flag()
        let algorithm = try reader.algorithmName("pool.algorithm")
        let keepalive = Milliseconds(try reader.integer())
        let name = reader.remaining > 0 ? try reader.text(max: max, "pool.name") : ""
        let connection = reader.remaining > 0 ? try reader.text(max: max, "pool.connection") : ""
        self.init(
            name: name, user: user, password: password, rigID: rigID, algorithm: hasAlgorithm ? algorithm : nil,
            keepalive: keepalive.count > 0 ? keepalive : nil, connection: connection)
    }
}
