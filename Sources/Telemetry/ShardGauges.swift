/// What is so in a shard just now, beside the counted events: each message replaces what earlier ones said, so it is sent
/// without a sequence number, and one that is lost is not asked for again.
public struct ShardGauges: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// Milliseconds since 1970.
    public var time: UInt64
    /// The longest time in the last second by which a turn of the shard's loop came late, in microseconds.
    public var loopDelayMicroseconds: UInt32
    /// Miners that have logged in and wait for their first job.
    public var minersWaiting: UInt32 = 0
    /// A crash of the process would disconnect its miners: no successor could take its connections over.
    public var losesMinersOnCrash = false
    /// Addresses of the pools: those of the shard's configuration in their order, then former ones that still have
    /// connections. The numbers of pools refer to this list: two processes may have different configurations.
    public var pools: [String] = []
    /// Of the pools in the same order; may be shorter: there is nothing to say of the rest.
    public var poolConditions: [PoolCondition] = []
    /// Connected miners whose shares are not forwarded, because the pool rejects them.
    public var minersQuarantined: UInt32 = 0
    public var closed = ClosedConnections()
    /// All upstreams of the shard.
    public var upstreams: [UpstreamGauge]
    /// Some of its miners: each of them appears once in `minersEverySeconds`.
    public var miners: [MinerGauge]

    /// A miner's traffic is told this often: often enough for a table that people look at, and 4 kB/s for a thousand miners.
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

/// What is to be said of a pool beside its connections.
public struct PoolCondition: Equatable, Sendable {
    /// Milliseconds since 1970: since when only miners are forwarded to it whose shares it has accepted; 0 = all are.
    public var guardedAt: UInt64 = 0
    /// Attempts that have failed since it last gave a job.
    public var failures: UInt32 = 0
    /// Why the last of them failed, in words for the operator.
    public var reason = ""

    /// More of a reason is cut: it is a column of a table.
    public static let reasonBytesMax = 160

    public init() {}
}

/// One upstream of a shard, as it is now.
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
    /// The pool that it is, or was last, connected to: an index into `ShardGauges.pools` or `Snapshot.pools`.
    public var pool: UInt8
    /// Miners in its nonce slots now.
    public var miners: UInt16
    /// The difficulty of its current job; 0 = it has none.
    public var difficulty: UInt64
    /// The height of its current job; 0 = the pool does not say.
    public var height: UInt64
    /// Milliseconds since 1970: when its pool session logged in; 0 = it is not logged in.
    public var loggedInAt: UInt64
    /// Milliseconds since 1970: when its current job came; 0 = it has none.
    public var jobAt: UInt64
    /// Answers of pools to shares of this upstream, since it was opened.
    public var accepted: UInt64
    public var rejected: UInt64
    /// Shares that wait for the pool's answer.
    public var inFlight: UInt32

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

/// One miner's connection, as it is now.
public struct MinerGauge: Equatable, Sendable {
    public var key: MinerKey
    /// Bytes sent to the miner since it connected.
    public var sentBytes: UInt64
    /// Bytes received from the miner since it connected.
    public var receivedBytes: UInt64
    /// The lower of its custom difficulty and its job's; 0 = it has no job.
    public var difficulty: UInt64

    public init(key: MinerKey, sentBytes: UInt64, receivedBytes: UInt64, difficulty: UInt64) {
        self.key = key
        self.sentBytes = sentBytes
        self.receivedBytes = receivedBytes
        self.difficulty = difficulty
    }
}
