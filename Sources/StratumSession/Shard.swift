internal import TLSRecords

/// The decisions of one shard: which miners are accepted, which nonces they search, and the outcome of each share.
///
/// Its inputs are events with their times (`minerConnected`, `receive`, `poolClosed`, `tick`…); its decisions are
/// commands in the outbox. It touches no socket, reads no clock and makes no random numbers of its own, so every rule
/// can be tested with plain values, and the whole state can be encoded.
///
/// Miners and logins are in `Shard+Miners.swift`, shares in `Shard+Shares.swift`, pools in `Shard+Pools.swift`,
/// timeouts in `Shard+Time.swift`.
public struct Shard: ~Copyable {
    public internal(set) var policy: ShardPolicy
    /// For values that peers see: session ids, first slots.
    var random: RandomNumbers
    /// For secrets: they cannot be derived from the numbers that peers see.
    var secrets: RandomNumbers
    /// The decisions that have not been performed.
    public internal(set) var outbox = Outbox()

    var miners: [MinerSession] = []
    /// The same rows as `miners`.
    var connectionStates: [MinerConnectionState] = []
    /// The agents that `connectionStates` refer to by number.
    var agents = AgentTable()
    /// The sum over all rows of `connectionStates` that are not vacant, in bytes. It is not encoded, but computed again.
    public internal(set) var heldBytes = 0
    /// Vacant rows of `miners`.
    var vacant: [UInt32] = []
    var upstreams: [Upstream] = []
    var nextMinerKey: UInt64 = 1
    var ticks = 0

    /// How much of the allowance for new pool connections is spent (`Limits.newConnectionBurst`).
    var newConnections = Allowance()
    /// Incremented with each dial: no two pool connections of this shard have the same id.
    var dials: UInt32 = 0
    /// The pools of the policy, and earlier ones that still have connections.
    var seats: [PoolSeat]

    /// Records of miners and addresses.
    var conduct = ConductTable()
    /// For the keys of `conduct`.
    var conductSalt: UInt64
    /// Miners that disconnected while the pool had their first share, with their keys in `conduct`.
    var leftOnTrial: [LeftOnTrial] = []
    /// Miners whose held bytes are processed at the end of this input.
    var resumable: [MinerID] = []

    /// The number of the `ReleasedPart` that was released last; 0 = none.
    public internal(set) var released: UInt32 = 0

    /// Not state: it computes.
    let cipher = RecordCipher()
    /// A message before it is sealed; kept for its memory.
    var content: [UInt8] = []

    /// Requests of miners that this process has read. No decision depends on it.
    public internal(set) var requests: UInt64 = 0
    /// Connections that have logged in and have a job.
    public internal(set) var minersNow = 0
    /// All connections of miners.
    public internal(set) var connections = 0

    /// - Parameters:
    ///   - seed: true randomness for session ids and slots.
    ///   - secretSeed: true randomness, independent of `seed`, for the placement of nonces in hash tables.
    public init(policy: ShardPolicy, seed: UInt64, secretSeed: UInt64) {
        self.policy = policy
        random = RandomNumbers(seed: seed)
        secrets = RandomNumbers(seed: secretSeed)
        conductSalt = RandomNumbers.salt(secretSeed)
        seats = PoolSeat.inOrder(of: policy)
    }

    /// Starts the shard. One that keeps its first upstream opens it.
    public mutating func start(at now: Instant) {
        if policy.keepsFirstUpstream { _ = openUpstream(at: now) }
    }

    /// Moves the pending decisions to `spare`, which becomes the next outbox, so that two buffers are reused.
    public mutating func takeOutbox(replacingWith spare: inout Outbox) {
        swap(&outbox, &spare)
    }

    /// Miners that have logged in and wait for their first job. Visits each row.
    public var minersWaiting: Int { miners.count { $0.phase == .awaitingJob } }

    /// The session of an upstream at a seat.
    subscript(upstream: Int, seat: Int) -> PoolSession {
        _read { yield upstreams[upstream].sessions[seat] }
        _modify { yield &upstreams[upstream].sessions[seat] }
    }

    /// The session that a pool connection belongs to; another connection may have replaced it (`isCurrent`).
    subscript(id: PoolConnectionID) -> PoolSession {
        _read { yield upstreams[Int(id.upstream)].sessions[Int(id.pool)] }
        _modify { yield &upstreams[Int(id.upstream)].sessions[Int(id.pool)] }
    }

    /// Appends a message for a miner, as one record if the connection has TLS, and counts its bytes.
    mutating func send(to id: MinerID, _ write: (inout [UInt8]) -> Void) {
        guard let row = row(of: id) else { return }
        guard !miners[row].hasTLS else { return sendSealed(to: id, write) }
        miners[row].sent &+= UInt64(outbox.send(to: id, write))
    }

    /// Out of the path of plain connections.
    @inline(never)
    private mutating func sendSealed(to id: MinerID, _ write: (inout [UInt8]) -> Void) {
        let row = Int(id.index)
        guard case .records(let layer) = connectionStates[row].transport else {
            miners[row].sent &+= UInt64(outbox.send(to: id, write))
            return
        }
        let cipher = cipher
        let content = contentWritten(by: write)
        miners[row].sent &+= UInt64(outbox.send(to: id) { layer.seal(content.span, into: &$0, with: cipher) })
        self.content = content
    }

    /// Appends a message for a pool, as one record if the connection has TLS, and counts its bytes.
    mutating func send(to id: PoolConnectionID, _ write: (inout [UInt8]) -> Void) {
        guard self[id].transport.isPlain else { return sendSealed(to: id, write) }
        self[id].sent &+= UInt64(outbox.send(to: id, write))
    }

    @inline(never)
    private mutating func sendSealed(to id: PoolConnectionID, _ write: (inout [UInt8]) -> Void) {
        guard case .records(let layer) = self[id].transport else {
            self[id].sent &+= UInt64(outbox.send(to: id, write))
            return
        }
        let cipher = cipher
        let content = contentWritten(by: write)
        self[id].sent &+= UInt64(outbox.send(to: id) { layer.seal(content.span, into: &$0, with: cipher) })
        self.content = content
    }

    /// Gives out the memory of `content`; the caller puts it back.
    private mutating func contentWritten(by write: (inout [UInt8]) -> Void) -> [UInt8] {
        var content: [UInt8] = []
        swap(&content, &self.content)
        content.removeAll(keepingCapacity: true)
        write(&content)
        return content
    }

    /// Shares that wait for a pool's verdict.
    public var sharesInFlight: Int {
        upstreams.reduce(0) { $1.sessions.reduce($0) { $0 + $1.inFlight.count } }
    }

    /// Upstreams by state (docs/COMPATIBILITY.md, "Nonce slots").
    public var upstreamCounts: (active: Int, sleeping: Int, error: Int) {
        var counts = (active: 0, sleeping: 0, error: 0)
        for upstream in upstreams {
            if upstream.isSuspended {
                counts.sleeping += 1
            } else if upstream.activePool != nil {
                counts.active += 1
            } else {
                counts.error += 1
            }
        }
        return counts
    }
}

/// SplitMix64: small, and good enough for ids that need not be secret.
struct RandomNumbers {
    private(set) var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A number that depends on a secret seed but is not in its sequence.
    static func salt(_ secretSeed: UInt64) -> UInt64 {
        var numbers = RandomNumbers(seed: ~secretSeed)
        return numbers.next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var number = state
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        return number ^ (number >> 31)
    }
}
