/// What one shard decides: who may mine, on which part of whose nonces, and what becomes of each share.
///
/// It is told what happened and when (`minerConnected`, `receive`, `poolClosed`, `tick`…) and leaves what is to be done
/// in its outbox. It touches no socket, reads no clock and makes no random number of its own, so every rule can be
/// tested with plain values, and everything it knows can be written down.
///
/// Where to read what: miners and logins in `Shard+Miners.swift`, the way of a share in `Shard+Shares.swift`, pools in
/// `Shard+Pools.swift`, time in `Shard+Time.swift`.
public struct Shard: ~Copyable {
    public internal(set) var policy: ShardPolicy
    /// For what peers get to see: session ids, first slots.
    var random: RandomNumbers
    /// For secrets: from the numbers that miners see, nothing follows about these.
    var secrets: RandomNumbers
    public internal(set) var outbox = Outbox()

    var miners: [MinerSession] = []
    /// Row for row beside `miners`.
    var connectionStates: [MinerConnectionState] = []
    /// What `connectionStates` name by numbers.
    var agents = AgentTable()
    /// The sum over `connectionStates` of all rows that are not vacant; it is not written, but counted again.
    public internal(set) var heldBytes = 0
    /// Rows of `miners` that nobody has.
    var vacant: [UInt32] = []
    var upstreams: [Upstream] = []
    var nextMinerKey: UInt64 = 1
    var ticks = 0

    /// Jobs in a row that kept the nonce byte, up to two. One may be a whim of the pool.
    var reservedJobs: UInt8 = 0
    /// What to expect of pool connections still to be made.
    var expectsReserved: Bool { reservedJobs >= Shard.reservedJobsMax }
    static let reservedJobsMax: UInt8 = 2
    /// Grows with each dial: no two pool connections of this shard have the same name.
    var dials: UInt32 = 0
    /// The pools of the policy, and those before that still have connections.
    var seats: [PoolSeat]
    /// For each seat.
    var hasSaidReserved: [Bool]
    /// For each seat: whether it is told that its jobs name no algorithm.
    var hasSaidNoAlgorithm: [Bool]
    /// For each seat.
    var failureReports: [FailureReports]

    /// What is remembered of miners that have gone, and of addresses.
    var conduct = ConductTable()
    /// For the keys of `conduct`.
    var conductSalt: UInt64
    /// Miners that left while the pool had their first share, with their keys in `conduct`.
    var leftOnTrial: [LeftOnTrial] = []
    /// Miners whose held bytes are to be read at the end of this input.
    var resumable: [MinerID] = []

    /// The number of the `ReleasedPart` that was released last; 0 = none.
    public internal(set) var released: UInt32 = 0

    /// Requests of miners that this process has read; nothing is decided by them.
    public internal(set) var requests: UInt64 = 0
    /// Connections that have logged in and have a job.
    public internal(set) var minersNow = 0
    /// All connections of miners.
    public internal(set) var connections = 0

    /// - Parameters:
    ///   - seed: true randomness for session ids and slots.
    ///   - secretSeed: true randomness that is independent of `seed`, for where nonces are kept.
    public init(policy: ShardPolicy, seed: UInt64, secretSeed: UInt64) {
        self.policy = policy
        random = RandomNumbers(seed: seed)
        secrets = RandomNumbers(seed: secretSeed)
        conductSalt = RandomNumbers.salt(secretSeed)
        let pools = policy.pools.count
        seats = PoolSeat.inOrder(of: policy)
        hasSaidReserved = [Bool](repeating: false, count: pools)
        hasSaidNoAlgorithm = [Bool](repeating: false, count: pools)
        failureReports = Array(repeating: FailureReports(), count: pools)
    }

    /// Begins: a shard that keeps its first upstream opens it.
    public mutating func start(at now: Instant) {
        if policy.keepsFirstUpstream { _ = openUpstream(at: now) }
    }

    /// Takes the decisions to be performed; `spare` becomes the next outbox, so that two buffers serve for ever.
    public mutating func takeOutbox(replacingWith spare: inout Outbox) {
        swap(&outbox, &spare)
    }

    /// Miners that have logged in and wait for a first job. Looks at each row.
    public var minersWaiting: Int { miners.count { $0.phase == .awaitingJob } }

    /// Appends a message for a miner, and counts its bytes.
    mutating func send(to id: MinerID, _ write: (inout [UInt8]) -> Void) {
        let count = outbox.send(to: id, write)
        if let row = row(of: id) { miners[row].sent &+= UInt64(count) }
    }

    /// Appends a message for a pool, and counts its bytes.
    mutating func send(to id: PoolConnectionID, _ write: (inout [UInt8]) -> Void) {
        let count = outbox.send(to: id, write)
        upstreams[Int(id.upstream)].sessions[Int(id.pool)].sent &+= UInt64(count)
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

/// SplitMix64: small, and good enough for ids that keep no secret.
struct RandomNumbers {
    private(set) var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A number that follows from a secret seed, and is not one of its sequence.
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
