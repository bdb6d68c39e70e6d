public import StratumProtocol

/// A miner's connection: a row of the shard's table. The generation guards against news for the row's former owner.
public struct MinerID: Hashable, Sendable {
    public let index: UInt32
    public let generation: UInt32

    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// One attempt to reach one pool for one upstream.
public struct PoolConnectionID: Hashable, Sendable {
    public let upstream: UInt16
    /// The pool's seat (`Shard.poolName`): it stays when the list of the policy changes.
    public let pool: UInt8
    /// Grows with each attempt.
    public let generation: UInt32

    public init(upstream: UInt16, pool: UInt8, generation: UInt32) {
        self.upstream = upstream
        self.pool = pool
        self.generation = generation
    }
}

/// What became of a share: exactly one of these for each share that a logged-in miner submits under its session's id.
/// The exception: shares below the pool's difficulty (`local`) are told only when the policy counts them.
public struct SettledShare: Equatable, Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The pool took it.
        case accepted
        /// The pool refused it.
        case rejected
        /// We refused it; the pool has not seen it.
        case invalid(MinerReply.Refusal)
        /// The pool was lost before it answered.
        case poolLost
        /// Good for the miner's own difficulty, not for the pool's.
        case local
    }

    public var miner: MinerID
    public var minerKey: UInt64
    public var outcome: Outcome
    public var isExpired: Bool
    /// The pool difficulty of its job.
    public var difficulty: UInt64
    /// What it counts for the worker.
    public var creditedDifficulty: UInt64
    public var actualDifficulty: UInt64
    /// 0 when it did not go to the pool.
    public var latencyMicroseconds: UInt64
    public var upstream: UInt16
    /// Index into `ShardPolicy.pools`, or `formerPool`.
    public var pool: UInt8

    /// Stands for a pool that is on the list no more: `Limits.poolsMax` leaves it free.
    public static let formerPool = UInt8.max
}

/// Something that an operator may want to read.
public enum ShardNotice: Equatable, Sendable {
    /// The pool has logged us in and given a job.
    case poolActive(PoolConnectionID)
    /// `isRepeated`: the same failure was told a short time ago (`FailureReports`).
    case poolFailed(PoolConnectionID, PoolFailure, isRepeated: Bool)
    /// The pool keeps the nonce byte for itself: one miner for each connection. Said once a pool.
    case poolReservesNonceByte(PoolConnectionID)
    case newJob(
        upstream: UInt16, pool: UInt8, difficulty: UInt64, algorithm: AlgorithmName, height: UInt64, miners: Int)
    /// The pool sent a line that is not a message; it was passed over.
    case poolOddLine(PoolConnectionID, PeerFault)
    /// The pool has sent us elsewhere, and we follow.
    case redirected(PoolConnectionID, PoolRedirect)
    /// The pool wants to send us to a foreign host; we stay.
    case redirectRefused(PoolConnectionID, PoolRedirect)
    /// The pool's jobs name no algorithm, and its configuration has none: miners must guess. Said once a pool.
    case jobsWithoutAlgorithm(PoolConnectionID)
    /// A share came with another session's id. It is refused, and not counted as a share.
    case shareUnauthenticated(MinerID)
    /// The pool refused a share, in these words.
    case shareRejected(
        MinerID, PoolConnectionID, text: String, difficulty: UInt64, latencyMicroseconds: UInt64)
    case upstreamClosed(upstream: UInt16)
    /// No upstream could be had for a miner.
    case outOfUpstreams
    /// None of the miner's shares is handed on for so long: the pool has refused too many.
    case quarantined(MinerID, Milliseconds)
    /// The same for all new miners at the address of this one.
    case addressQuarantined(MinerID, Milliseconds)
    /// The pool has refused too many of the last shares (`RecentVerdicts`): only those of proven miners are handed on.
    case poolGuarded(PoolConnectionID, refused: Int, of: Int)
    case poolGuardEnded(PoolConnectionID)
    /// The pool rejects every share, so many until now, and no other pool may be better. Said once, until it accepts one.
    case poolRejects(PoolConnectionID, shares: Int)
    /// The quarantine of this miner, or of the new miners at its address, has ended: the pool was at fault.
    case quarantineLifted(MinerID, isOfAddress: Bool)
}

/// Why a pool connection ended.
public enum PoolFailure: Equatable, Sendable {
    /// It could not be reached, or closed; the text is the system's.
    case connection(String)
    /// No TCP connection within `Limits.poolConnect`.
    case connectTimeout
    /// No answer to a request within `Limits.poolAnswer`.
    case noAnswer
    /// It refused our login, in these words.
    case loginRefused(String)
    case fault(PeerFault)
    /// It no longer knows our session, in these words.
    case sessionLost(String)
    /// It has banned us, in these words; it is left alone for `pause`.
    case banned(String, pause: Milliseconds)
    /// It has sent us elsewhere too often.
    case redirectedTooOften
    /// It rejects every share; so many of them (`RejectionStreak`).
    case rejectsShares(Int)
}

/// Why we close a miner's connection.
public enum CloseReason: Equatable, Sendable {
    case loginTimeout
    case idleTimeout
    case permissionDenied
    case notNicehashCapable
    case fault(PeerFault)
    /// A fault in a request that could be answered: it was told so.
    case answered(PeerFault)
    /// It speaks another protocol than Stratum; HTTP was answered.
    case foreign(ForeignProtocol)
    /// A balancer's connection does not begin as it must.
    case proxyHeader(ProxyHeaderFault)
    /// It sent a request that has no place in its state.
    case outOfTurn
    case noUpstream
    /// The pool rejected too many of its shares, again and again.
    case banned
    /// For a minute it sent more requests than its budget allows, and no share that the pool accepted.
    case flooding
    /// All connections together make the shard hold more than `Limits.allHeldBytesMax`, and this one the most.
    case memory(held: Int)
}

/// What the shard wants done, in order. The worker performs it, and only it touches sockets.
public enum ShardCommand: Equatable, Sendable {
    /// Bytes are a range of `Outbox.bytes`.
    case sendToMiner(MinerID, Range<Int>)
    /// After what was sent to it before.
    case closeMiner(MinerID, CloseReason)
    /// Nothing is to be read from its connection until `resumeMiner`.
    case pauseMiner(MinerID)
    case resumeMiner(MinerID)
    case sendToPool(PoolConnectionID, Range<Int>)
    case dial(PoolConnectionID)
    /// Nothing more will be heard of the connection.
    case hangUp(PoolConnectionID)
    /// The miner has its first job.
    case joined(MinerID, key: UInt64)
    /// A miner that had joined another shard is one of this shard now.
    case moved(MinerID, key: UInt64)
    /// A miner that had joined is gone.
    case left(MinerID, key: UInt64)
    /// A miner is another shard's now; `key` of one that had joined. Its connection is none of ours.
    case released(MinerID, key: UInt64?)
    case settled(SettledShare)
    /// A pool refused something, in these words.
    case poolError(String)
    case notice(ShardNotice)
}

/// Decisions that wait to be performed. Reused turn after turn: it allocates only until it has seen its largest turn.
public struct Outbox: Sendable {
    public private(set) var commands: [ShardCommand] = []
    public internal(set) var bytes: [UInt8] = []

    public init() {}

    public var isEmpty: Bool { commands.isEmpty }

    /// Forgets what has been performed.
    public mutating func removeAll() {
        commands.removeAll(keepingCapacity: true)
        // One job to 256 miners takes 150 KB; keep no more than that.
        bytes.removeAll(keepingCapacity: bytes.capacity <= 256 * 1024)
    }

    mutating func append(_ command: ShardCommand) {
        commands.append(command)
    }

    /// Lets `write` append a message for a miner. Messages to one miner in a row become one.
    /// - Returns: how many bytes it has.
    @discardableResult
    mutating func send(to miner: MinerID, _ write: (inout [UInt8]) -> Void) -> Int {
        let start = bytes.count
        write(&bytes)
        if case .sendToMiner(miner, let range) = commands.last, range.upperBound == start {
            commands[commands.count - 1] = .sendToMiner(miner, range.lowerBound..<bytes.count)
        } else {
            commands.append(.sendToMiner(miner, start..<bytes.count))
        }
        return bytes.count - start
    }

    /// - Returns: how many bytes it has.
    @discardableResult
    mutating func send(to pool: PoolConnectionID, _ write: (inout [UInt8]) -> Void) -> Int {
        let start = bytes.count
        write(&bytes)
        commands.append(.sendToPool(pool, start..<bytes.count))
        return bytes.count - start
    }
}
