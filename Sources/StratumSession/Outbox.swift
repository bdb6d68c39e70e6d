public import StratumProtocol
public import TLSRecords

/// A miner's connection: a row of the shard's table. Events for the row's previous connection have an older generation.
public struct MinerID: Hashable, Sendable {
    public let index: UInt32
    public let generation: UInt32

    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// One attempt of an upstream to connect to a pool.
public struct PoolConnectionID: Hashable, Sendable {
    public let upstream: UInt16
    /// The pool's seat (`Shard.poolName`): it stays the same when the list of the policy changes.
    public let pool: UInt8
    /// Larger with each attempt.
    public let generation: UInt32

    public init(upstream: UInt16, pool: UInt8, generation: UInt32) {
        self.upstream = upstream
        self.pool = pool
        self.generation = generation
    }
}

/// The outcome of a share: exactly one for each share that a logged-in miner submits with its session id, except that
/// shares below the pool's difficulty (`local`) are reported only when the policy counts them.
public struct SettledShare: Equatable, Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The pool accepted it.
        case accepted
        /// The pool rejected it.
        case rejected
        /// Millrace refused it; the pool has not seen it.
        case invalid(MinerReply.Refusal)
        /// The pool connection was lost before the pool answered.
        case poolLost
        /// It meets the miner's own difficulty, not the pool's.
        case local
    }

    public var miner: MinerID
    /// Identifies the miner in events.
    public var minerKey: UInt64
    public var outcome: Outcome
    /// The share is for the job before the current one.
    public var isExpired: Bool
    /// The pool difficulty of its job.
    public var difficulty: UInt64
    /// The difficulty credited to the worker.
    public var creditedDifficulty: UInt64
    /// The difficulty of its hash.
    public var actualDifficulty: UInt64
    /// The response time of the pool; 0 when the share was not sent to it.
    public var latencyMicroseconds: UInt64
    public var upstream: UInt16
    /// Index into `ShardPolicy.pools`, or `formerPool`.
    public var pool: UInt8

    /// The value for a pool that is not in the list any more; `Limits.poolsMax` leaves it free.
    public static let formerPool = UInt8.max
}

/// A notice for the operator.
public enum ShardNotice: Equatable, Sendable {
    /// The pool has accepted the login and sent a job.
    case poolActive(PoolConnectionID)
    /// `isRepeated`: the same failure was reported a short time ago (`FailureReports`).
    case poolFailed(PoolConnectionID, PoolFailure, isRepeated: Bool)
    /// The pool reserves the nonce byte: each miner needs its own connection. Reported once for each pool.
    case poolReservesNonceByte(PoolConnectionID)
    case newJob(
        upstream: UInt16, pool: UInt8, difficulty: UInt64, algorithm: AlgorithmName, height: UInt64, miners: Int)
    /// The pool sent a line that is not a message; it was ignored.
    case poolOddLine(PoolConnectionID, PeerFault)
    /// The pool redirected the connection, and Millrace follows.
    case redirected(PoolConnectionID, PoolRedirect)
    /// The pool redirected to a foreign host, which is ignored.
    case redirectRefused(PoolConnectionID, PoolRedirect)
    /// The pool's jobs name no algorithm, and its configuration has none: miners must guess. Reported once for each
    /// pool.
    case jobsWithoutAlgorithm(PoolConnectionID)
    /// A share has the id of another session. It is refused, and not counted as a share.
    case shareUnauthenticated(MinerID)
    /// The pool rejected a share, with this text.
    case shareRejected(
        MinerID, PoolConnectionID, text: String, difficulty: UInt64, latencyMicroseconds: UInt64)
    case upstreamClosed(upstream: UInt16)
    /// No upstream was available for a miner.
    case outOfUpstreams
    /// No share of the miner is forwarded for this time: the pool has rejected too many.
    case quarantined(MinerID, Milliseconds)
    /// The same for all new miners at the address of this one.
    case addressQuarantined(MinerID, Milliseconds)
    /// The pool has rejected too many of the last shares (`RecentVerdicts`): only those of proven miners are forwarded.
    case poolGuarded(PoolConnectionID, refused: Int, of: Int)
    case poolGuardEnded(PoolConnectionID)
    /// The pool has rejected all of the last shares, this many, and no other pool may be better. Reported once, until
    /// it accepts one.
    case poolRejects(PoolConnectionID, shares: Int)
    /// The quarantine of this miner, or of the new miners at its address, was lifted: the pool was at fault.
    case quarantineLifted(MinerID, isOfAddress: Bool)
}

/// Why a pool connection ended.
public enum PoolFailure: Equatable, Sendable {
    /// It could not be made, or was closed; the text is the system's.
    case connection(String)
    /// No TCP connection within `Limits.poolConnect`.
    case connectTimeout
    /// No answer to a request within `Limits.poolAnswer`.
    case noAnswer
    /// The pool refused the login; the text is the pool's.
    case loginRefused(String)
    case fault(PeerFault)
    /// The pool no longer knows the session; the text is the pool's.
    case sessionLost(String)
    /// The pool has banned this proxy; the text is the pool's. It is left alone for `pause`.
    case banned(String, pause: Milliseconds)
    /// The pool has redirected the connection too often.
    case redirectedTooOften
    /// The pool rejects every share, this many until now (`RejectionStreak`).
    case rejectsShares(Int)
}

/// Why a miner's connection is closed.
public enum CloseReason: Equatable, Sendable {
    case loginTimeout
    case idleTimeout
    case permissionDenied
    case notNicehashCapable
    case fault(PeerFault)
    /// A fault in a request that could be answered: the miner was told.
    case answered(PeerFault)
    /// It speaks another protocol than Stratum; HTTP was answered.
    case foreign(ForeignProtocol)
    /// A balancer's connection does not begin with a valid PROXY header.
    case proxyHeader(ProxyHeaderFault)
    /// Its TLS has ended, or it has none where it must.
    case tls(TLSEnd)
    /// It sent a request that is not valid in its state.
    case outOfTurn
    case noUpstream
    /// The pool has refused the miner's own login, with this text.
    case poolRefusedLogin(String)
    /// The pool rejected too many of its shares, repeatedly.
    case banned
    /// For a minute it sent more requests than its budget allows, without a share that the pool accepted.
    case flooding
    /// All connections together hold more than `Limits.allHeldBytesMax` bytes, and this one held the most.
    case memory(held: Int)
}

/// How the TLS of a miner's connection ended.
public enum TLSEnd: Equatable, Sendable {
    /// The miner speaks without TLS to an address that requires it.
    case required
    /// The handshake was not complete in time.
    case handshakeTimeout
    /// The peer has ended its side: `.closeNotify` in good order, any other alert because of an error.
    case alert(Alert)
    /// The peer has broken the record protocol.
    case fault(RecordFault)
}

/// A decision of the shard, to be performed in order by the worker. Only the worker touches sockets.
public enum ShardCommand: Equatable, Sendable {
    /// The bytes are a range of `Outbox.bytes`.
    case sendToMiner(MinerID, Range<Int>)
    /// The connection begins a TLS handshake; the bytes (a range of `Outbox.bytes`) are what was received of it. All
    /// further ones belong to the handshake, until `ShardInput.minerSecured`.
    case beginHandshake(MinerID, Range<Int>)
    /// Close the connection after everything was sent to it.
    case closeMiner(MinerID, CloseReason)
    /// Stop reading from its connection until `resumeMiner`.
    case pauseMiner(MinerID)
    case resumeMiner(MinerID)
    case sendToPool(PoolConnectionID, Range<Int>)
    case dial(PoolConnectionID)
    /// Close the connection; further events of it are ignored.
    case hangUp(PoolConnectionID)
    /// The miner has its first job.
    case joined(MinerID, key: UInt64)
    /// A miner that had joined another shard belongs to this shard now.
    case moved(MinerID, key: UInt64)
    /// A miner that had joined is gone.
    case left(MinerID, key: UInt64)
    /// A miner belongs to another shard now, and so does its connection; `key` is nil for one that had not joined.
    case released(MinerID, key: UInt64?)
    case settled(SettledShare)
    /// A pool refused a request, with this text.
    case poolError(String)
    case notice(ShardNotice)
}

/// Decisions to be performed. It is reused in each turn, and allocates only when a turn is larger than all before.
public struct Outbox: Sendable {
    public private(set) var commands: [ShardCommand] = []
    /// The messages of `sendToMiner` and `sendToPool`.
    public internal(set) var bytes: [UInt8] = []

    public init() {}

    public var isEmpty: Bool { commands.isEmpty }

    /// Removes what has been performed.
    public mutating func removeAll() {
        commands.removeAll(keepingCapacity: true)
        // One job to 256 miners takes 150 KB; larger buffers are freed.
        bytes.removeAll(keepingCapacity: bytes.capacity <= 256 * 1024)
    }

    mutating func append(_ command: ShardCommand) {
        commands.append(command)
    }

    /// Appends the message that `write` writes for a miner. Successive messages to one miner are combined.
    /// - Returns: the length of the message in bytes.
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

    mutating func beginHandshake(of miner: MinerID, _ received: Span<UInt8>) {
        let start = bytes.count
        bytes.append(received)
        commands.append(.beginHandshake(miner, start..<bytes.count))
    }

    /// - Returns: the length of the message in bytes.
    @discardableResult
    mutating func send(to pool: PoolConnectionID, _ write: (inout [UInt8]) -> Void) -> Int {
        let start = bytes.count
        write(&bytes)
        commands.append(.sendToPool(pool, start..<bytes.count))
        return bytes.count - start
    }
}
