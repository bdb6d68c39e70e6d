// What a shard tells the collector. Each event travels with the shard's epoch and a sequence number that grows by
// one (`EventFrame`); a miner is named by a key that is unique within its epoch.

/// Unique for each login within one epoch of one shard; never reused.
public typealias MinerKey = UInt64

/// A miner has logged in and owns a nonce slot. Its password is not here, and nowhere else on the bus, unless the operator
/// names workers after it.
public struct MinerJoined: Equatable, Sendable {
    /// Longer texts are cut here on the bus. A login line may hold more; no honest worker name, address with payment id
    /// and rig included, comes near it, and every row of the workers table keeps one.
    public static let workerBytesMax = 256
    /// The longest numeric IPv6 address with a zone takes 62 bytes.
    public static let ipBytesMax = 64
    public static let agentBytesMax = 256
    /// A wallet with payment id and difficulty: as long as a worker's name, which it often is.
    public static let userBytesMax = 256
    /// Somebody's name for a machine.
    public static let rigIDBytesMax = 128

    public var key: MinerKey
    /// The row of the workers table that it counts in, as `Settings.workerNaming` decided; nil = no row.
    public var worker: String?
    /// The numeric address that it came from.
    public var ip: String
    /// Its user agent; empty when it gave none.
    public var agent: String
    /// What it gave as `login`; empty when nothing.
    public var user: String
    /// What it gave as `rigid`; empty when nothing.
    public var rigID: String
    /// True when it has come from another shard with its connection: no new login.
    public var hasMoved = false
    /// Where it is connected. On the first hop that of the frame; the collector's own stream carries miners of all.
    public var shard: UInt16

    public init(
        key: MinerKey, worker: String?, ip: String, agent: String, user: String = "", rigID: String = "",
        shard: UInt16 = 0
    ) {
        self.key = key
        self.worker = worker
        self.ip = ip
        self.agent = agent
        self.user = user
        self.rigID = rigID
        self.shard = shard
    }
}

/// A miner that had joined is gone.
public struct MinerLeft: Equatable, Sendable {
    public var key: MinerKey

    public init(key: MinerKey) { self.key = key }
}

/// The fate of one share.
public enum ShareOutcome: UInt8, Sendable, CaseIterable {
    /// The pool accepted it, and the miner was told so.
    case accepted = 1
    /// The pool refused it.
    case rejected = 2
    /// We refused it, or could not bring it to the pool: the pool has not judged it.
    case invalid = 3
    /// Good for the miner's custom difficulty, below the pool's: answered OK here, never forwarded. Sent only with
    /// `Settings.countsCustomDifficulty`; counts for the worker, not in the global share counters
    /// (docs/COMPATIBILITY.md, "Custom difficulty").
    case local = 4
}

/// Why a share did not end as accepted.
public enum RefusalReason: UInt8, Sendable, CaseIterable {
    case none = 0
    case lowDifficulty, invalidNonce, staleJob, wrongAlgorithm, duplicate
    /// No pool to bring it to.
    case badGateway
    /// The pool was lost with the share in flight.
    case poolLost
    /// The pool's own refusal; its text travels as a `PoolError`.
    case pool
}

/// A share has met its fate, or several shares of one miner that the proxy refused for one reason (`RefusalSums`). Each share
/// that a logged-in miner submitted is in exactly one of these.
public struct ShareSettled: Equatable, Sendable {
    /// Shares in one event: what its record has room for.
    public static let countMax: UInt32 = 65_536

    public var miner: MinerKey
    /// Milliseconds since 1970. Of several shares this, and every number below, is that of the last one.
    public var time: UInt64
    public var outcome: ShareOutcome
    public var reason: RefusalReason
    /// True when the share named the job before the current one (docs/COMPATIBILITY.md, "Shares").
    public var isExpired: Bool
    /// The pool difficulty of its job: what an accepted share adds to `hashes_total`.
    public var difficulty: UInt64
    /// What it adds to the worker's hashes and to all hashrates: the lower of custom and pool difficulty when
    /// `Settings.countsCustomDifficulty`, else the pool difficulty.
    public var creditedDifficulty: UInt64
    /// The difficulty that its hash really has.
    public var actualDifficulty: UInt64
    /// From forwarding to the pool's answer; 0 when it was not forwarded.
    public var latencyMicroseconds: UInt32
    /// Which upstream of the shard carried it.
    public var upstream: UInt16
    /// Index into `Settings.pools`.
    public var pool: UInt8
    /// Shares that this event is about: 1 unless the outcome is `invalid`.
    public var count: UInt32

    public init(
        miner: MinerKey, time: UInt64, outcome: ShareOutcome, reason: RefusalReason = .none, isExpired: Bool = false,
        difficulty: UInt64, creditedDifficulty: UInt64, actualDifficulty: UInt64, latencyMicroseconds: UInt32 = 0,
        upstream: UInt16 = 0, pool: UInt8 = 0, count: UInt32 = 1
    ) {
        self.miner = miner
        self.time = time
        self.outcome = outcome
        self.reason = reason
        self.isExpired = isExpired
        self.difficulty = difficulty
        self.creditedDifficulty = creditedDifficulty
        self.actualDifficulty = actualDifficulty
        self.latencyMicroseconds = latencyMicroseconds
        self.upstream = upstream
        self.pool = pool
        self.count = count
    }
}

/// A pool said no to a share or to a login, in these words: what `results.error_log` shows.
public struct PoolError: Equatable, Sendable {
    public static let textBytesMax = 256
    /// Milliseconds since 1970.
    public var time: UInt64
    /// The pool's text, cut at `textBytesMax`.
    public var text: String

    public init(time: UInt64, text: String) {
        self.time = time
        self.text = text
    }
}

/// Everything that is countable about a shard, sent about once a second: gauges of now, counters since its epoch
/// began. It is published at a place in the sequence, so that counters and events can be compared exactly.
public struct Checkpoint: Equatable, Sendable {
    /// Milliseconds since 1970.
    public var time: UInt64 = 0
    // Gauges.
    /// Connections that have logged in and received a job.
    public var minersNow: UInt32 = 0
    /// All TCP connections of miners, logged in or not.
    public var connections: UInt32 = 0
    public var upstreams = UpstreamCounts()
    /// Of the epoch.
    public var counters = ShareCounters()
    /// The process ends in good order: nothing of its epoch comes after this. A reader that has heard it to here knows that
    /// it misses nothing.
    public var isLast = false

    public init() {}
}

/// Pool connections by state (docs/COMPATIBILITY.md, "Nonce slots").
public struct UpstreamCounts: Equatable, Sendable {
    /// With a pool session that has logged in.
    public var active: UInt32 = 0
    /// Closed for want of miners, kept to be woken.
    public var sleeping: UInt32 = 0
    /// Neither: connecting, or no pool answers.
    public var error: UInt32 = 0
    public var total: UInt32 { active &+ sleeping &+ error }

    public init(active: UInt32 = 0, sleeping: UInt32 = 0, error: UInt32 = 0) {
        self.active = active
        self.sleeping = sleeping
        self.error = error
    }
}
