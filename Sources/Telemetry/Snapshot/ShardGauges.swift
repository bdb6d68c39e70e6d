/// The current values of a shard that are not in counted events. Each message replaces the previous one, so it has no
/// sequence number and is not replayed when lost.
public struct ShardGauges: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// Milliseconds since 1970.
    public var time: UInt64
    /// The longest delay of an event loop turn in the last second, in microseconds.
    public var loopDelayMicroseconds: UInt32
    /// Miners that have logged in and wait for their first job.
    public var minersWaiting: UInt32 = 0
    /// A crash of the process would disconnect its miners, because no successor could take over its connections.
    public var losesMinersOnCrash = false
    /// Pool addresses: the pools of the shard's configuration in their order, then former ones that still have
    /// connections. Pool numbers are indices into this list, because two processes can have different configurations.
    public var pools: [String] = []
    /// The conditions of the pools in the same order. May be shorter: the remaining pools have no special condition.
    public var poolConditions: [PoolCondition] = []
    /// Connected miners whose shares are not forwarded because the pool rejects them.
    public var minersQuarantined: UInt32 = 0
    public var closed = ClosedConnections()
    public var tls = TLSFigures()
    /// All upstreams of the shard.
    public var upstreams: [UpstreamGauge]
    /// A part of its miners. Each miner is sent when it has joined, and then once in `minersEverySeconds`.
    public var miners: [MinerGauge]

    /// How often the traffic of a miner is sent. Often enough for a table that people read, at 4 kB/s for a thousand
    /// miners.
    public static let minersEverySeconds = 10

    public init(
        shard: UInt16, epoch: Epoch, time: UInt64, loopDelayMicroseconds: UInt32 = 0, upstreams: [UpstreamGauge] = [],
        miners: [MinerGauge] = []
    ) {
        self.shard = shard
        self.epoch = epoch
        self.time = time
        self.loopDelayMicroseconds = loopDelayMicroseconds
        self.upstreams = upstreams
        self.miners = miners
    }
}

/// The condition of a pool, in addition to its connections.
public struct PoolCondition: Equatable, Sendable {
    /// Since when only miners with accepted shares are forwarded to this pool, in milliseconds since 1970; 0 = all
    /// miners are.
    public var guardedAt: UInt64 = 0
    /// Failed connection attempts since its last job.
    public var failures: UInt32 = 0
    /// Why the last attempt failed, for the operator.
    public var reason = ""

    /// A longer reason is truncated: it is a table column.
    public static let reasonBytesMax = 160

    public init() {}
}

/// The current values of an upstream.
public struct UpstreamGauge: Equatable, Sendable {
    /// As in `UpstreamCounts` (docs/COMPATIBILITY.md, "Nonce slots").
    public enum State: UInt8, Sendable, CaseIterable {
        case active = 1
        case sleeping = 2
        case error = 3
    }

    /// `ShareSettled.upstream`.
    public var id: UInt16
    public var state: State
    /// The pool of its current or last connection: an index into `ShardGauges.pools` or `Snapshot.pools`.
    public var pool: UInt8
    /// Miners in its nonce slots now.
    public var miners: UInt16
    /// The difficulty of its current job; 0 = no job.
    public var difficulty: UInt64
    /// The height of its current job; 0 = not sent by the pool.
    public var height: UInt64
    /// When its pool session logged in, in milliseconds since 1970; 0 = not logged in.
    public var loggedInAt: UInt64
    /// When its current job arrived, in milliseconds since 1970; 0 = no job.
    public var jobAt: UInt64
    /// Pool answers to shares of this upstream since it was opened.
    public var accepted: UInt64
    public var rejected: UInt64
    /// Shares without an answer from the pool yet.
    public var inFlight: UInt32
    /// Of its current connection.
    public var tls = TLSCode.none

    public init(id: UInt16, state: State) {
        self.id = id
        self.state = state
        pool = 0
        miners = 0
        difficulty = 0
        height = 0
        loggedInAt = 0
        jobAt = 0
        accepted = 0
        rejected = 0
        inFlight = 0
    }
}

/// The current values of a miner's connection.
public struct MinerGauge: Equatable, Sendable {
    public var key: MinerKey
    /// Bytes sent to the miner since it connected.
    public var sentBytes: UInt64
    /// Bytes received from the miner since it connected.
    public var receivedBytes: UInt64
    /// The lower of its custom difficulty and its job's difficulty; 0 = no job.
    public var difficulty: UInt64
    public var tls: TLSCode

    public init(
        key: MinerKey, sentBytes: UInt64, receivedBytes: UInt64, difficulty: UInt64, tls: TLSCode = .none
    ) {
        self.key = key
        self.sentBytes = sentBytes
        self.receivedBytes = receivedBytes
        self.difficulty = difficulty
        self.tls = tls
    }
}
