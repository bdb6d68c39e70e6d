// The events that a shard sends to the collector. Each event has the shard's epoch and a sequence number that grows by
// one (`EventFrame`). A miner is identified by a key that is unique within its epoch.

/// Unique for each login within one epoch of one shard; never reused.
public typealias MinerKey = UInt64

/// A miner has logged in and owns a nonce slot. Its password is not sent on the bus, unless the operator names workers
/// after it.
public struct MinerJoined: Equatable, Sendable {
    /// Longer texts are truncated on the bus. A login line can hold more, but no honest worker name comes near the
    /// limit, even an address with payment id and rig. Every row of the workers table stores one.
    public static let workerBytesMax = 256
    /// The longest numeric IPv6 address with a zone takes 62 bytes.
    public static let ipBytesMax = 64
    public static let agentBytesMax = 256
    /// A wallet with payment id and difficulty: the same limit as for a worker's name, which it often is.
    public static let userBytesMax = 256
    /// A name for a machine.
    public static let rigIDBytesMax = 128

    public var key: MinerKey
    /// The name of its row in the workers table, according to `Settings.workerNaming`; nil = no row.
    public var worker: String?
    /// The numeric remote address.
    public var ip: String
    /// Its user agent; empty = none sent.
    public var agent: String
    /// The `login` it sent; empty = none.
    public var user: String
    /// The `rigid` it sent; empty = none.
    public var rigID: String
    /// True when it moved with its connection from another shard: not a new login.
    public var hasMoved = false
    /// The shard it is connected to. In a shard's stream that of the frame; the collector's stream has miners of all
    /// shards.
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

/// A miner that had joined has disconnected or moved away.
public struct MinerLeft: Equatable, Sendable {
    public var key: MinerKey

    public init(key: MinerKey) { self.key = key }
}

/// The outcome of a share.
public enum ShareOutcome: UInt8, Sendable, CaseIterable {
    /// The pool accepted it, and the miner received OK.
    case accepted = 1
    /// The pool refused it.
    case rejected = 2
    /// Millrace refused it, or could not send it to the pool: the pool has not judged it.
    case invalid = 3
    /// It meets the miner's custom difficulty but not the pool's: answered with OK and never forwarded. Sent only with
    /// `Settings.countsCustomDifficulty`. It counts for the worker, not in the global share counters
    /// (docs/COMPATIBILITY.md, "Custom difficulty").
    case local = 4
}

/// Why a share was not accepted.
public enum RefusalReason: UInt8, Sendable, CaseIterable {
    case none = 0
    case lowDifficulty, invalidNonce, staleJob, wrongAlgorithm, duplicate
    /// No pool is available.
    case badGateway
    /// The pool was lost with the share in flight.
    case poolLost
    /// The pool refused it; the pool's text is sent as a `PoolError`.
    case pool
}

/// The outcome of one share, or of several shares of a miner that the proxy refused for the same reason
/// (`RefusalSums`). Each share of a logged-in miner is in exactly one such event.
public struct ShareSettled: Equatable, Sendable {
    /// The most shares in one event: the record has 16 bits for them.
    public static let countMax: UInt32 = 65_536

    public var miner: MinerKey
    /// Milliseconds since 1970. With several shares, this and all values below are those of the last one.
    public var time: UInt64
    public var outcome: ShareOutcome
    public var reason: RefusalReason
    /// True when the share was for the job before the current one (docs/COMPATIBILITY.md, "Shares").
    public var isExpired: Bool
    /// The pool difficulty of its job. An accepted share adds it to `hashes_total`.
    public var difficulty: UInt64
    /// The amount added to the worker's hashes and to all hashrates: the lower of custom and pool difficulty with
    /// `Settings.countsCustomDifficulty`, otherwise the pool difficulty.
    public var creditedDifficulty: UInt64
    /// The difficulty that its hash met.
    public var actualDifficulty: UInt64
    /// The time from forwarding to the pool's answer; 0 when it was not forwarded.
    public var latencyMicroseconds: UInt32
    /// The upstream of the shard that forwarded it.
    public var upstream: UInt16
    /// Index into `Settings.pools`.
    public var pool: UInt8
    /// The number of shares in this event: 1 unless the outcome is `invalid`.
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

/// The text with which a pool refused a share or a login, as shown in `results.error_log`.
public struct PoolError: Equatable, Sendable {
    public static let textBytesMax = 256
    /// Milliseconds since 1970.
    public var time: UInt64
    /// The pool's text, truncated to `textBytesMax`.
    public var text: String

    public init(time: UInt64, text: String) {
        self.time = time
        self.text = text
    }
}

/// The gauges of a shard and its counters since the epoch began, sent about once a second. It has a sequence number, so
/// that counters and events can be compared exactly.
public struct Checkpoint: Equatable, Sendable {
    /// Milliseconds since 1970.
    public var time: UInt64 = 0
    // Gauges:
    /// Connections that have logged in and received a job.
    public var minersNow: UInt32 = 0
    /// All TCP connections of miners, logged in or not.
    public var connections: UInt32 = 0
    public var upstreams = UpstreamCounts()
    /// Counters of the epoch.
    public var counters = ShareCounters()
    /// The process ends normally, and this is the last event of its epoch. A reader that has received all events up to
    /// here misses nothing.
    public var isLast = false

    public init() {}
}

/// Pool connections by state (docs/COMPATIBILITY.md, "Nonce slots").
public struct UpstreamCounts: Equatable, Sendable {
    /// With a logged-in pool session.
    public var active: UInt32 = 0
    /// Closed because it has no miners; kept and reopened on demand.
    public var sleeping: UInt32 = 0
    /// All others: connecting, or no pool answers.
    public var error: UInt32 = 0
    public var total: UInt32 { active &+ sleeping &+ error }

    public init(active: UInt32 = 0, sleeping: UInt32 = 0, error: UInt32 = 0) {
        self.active = active
        self.sleeping = sleeping
        self.error = error
    }
}
