internal import StratumProtocol

/// A pool of a shard: one of the policy's, or one of an earlier policy that still has connections.
///
/// A pool keeps its seat while its place in the operator's list changes. When it is removed from the list, its seat is
/// not reused before its last connection is closed: seats identify connections (`PoolConnectionID.pool`), which outlive
/// the list.
struct PoolSeat {
    var pool: ShardPolicy.Pool
    /// Its place in the policy's list; nil when it is not in the list any more.
    var rank: UInt8?
    /// No connection is made before: the pool has banned this proxy.
    var bannedUntil = Instant(microseconds: 0)
    /// Bans in a row, without an accepted share between them.
    var bans: UInt8 = 0
    /// On the shares of all upstreams.
    var verdicts = RecentVerdicts()
    /// The rejections of all upstreams.
    var streak = RejectionStreak()
    /// Successive jobs that reserved the nonce byte, at most two. A single one may be an accident.
    private(set) var reservedJobs: UInt8 = 0
    /// The notice `poolReservesNonceByte` was sent.
    var hasSaidReserved = false
    /// The notice `jobsWithoutAlgorithm` was sent.
    var hasSaidNoAlgorithm = false
    var failureReports = FailureReports()

    static let reservedJobsMax: UInt8 = 2

    init(pool: ShardPolicy.Pool, rank: UInt8?) {
        self.pool = pool
        self.rank = rank
    }

    /// The pool reports a ban. Several upstreams may report the same ban, which counts once.
    mutating func banned(at now: Instant) {
        guard now >= bannedUntil else { return }
        let pause = Limits.banPause.count << UInt64(min(bans, 16))
        bannedUntil = now + Milliseconds(min(pause, Limits.banPauseMax.count))
        bans = min(bans + 1, 16)
    }

    /// Whether a new connection to the pool is expected to reserve the nonce byte.
    var expectsReserved: Bool { reservedJobs >= PoolSeat.reservedJobsMax }

    /// The pool has sent a job.
    /// - Parameter saysSo: it has confirmed the `nicehash` extension.
    mutating func learn(isReserved: Bool, saysSo: Bool) {
        reservedJobs =
            saysSo ? PoolSeat.reservedJobsMax : isReserved ? min(reservedJobs + 1, PoolSeat.reservedJobsMax) : 0
    }

    /// What another shard has learned of the same pool.
    mutating func learn(from other: PoolSeat) {
        reservedJobs = max(reservedJobs, other.reservedJobs)
        if other.hasSaidReserved { hasSaidReserved = true }
        if other.hasSaidNoAlgorithm { hasSaidNoAlgorithm = true }
    }

    /// The pool has accepted a share: a later ban is a new one.
    mutating func isUseful() {
        bans = 0
    }
}

extension Shard {
    /// The addresses of the pools for logs, by seat.
    public var poolNames: [String] { seats.map(\.pool.name) }

    /// The pool of a connection's seat.
    public func pool(of id: PoolConnectionID) -> ShardPolicy.Pool { seats[Int(id.pool)].pool }

    /// The place of a connection's pool in the policy's list; nil when it is not in the list any more.
    public func rank(of id: PoolConnectionID) -> Int? { seats[Int(id.pool)].rank.map { Int($0) } }

    /// Whether an upstream without a job is expected to get one that reserves the nonce byte: as a pool does that serves an
    /// upstream or has given it its job, or the first pool of the list when there is none.
    var expectsReserved: Bool {
        var isKnown = false
        // By index: a loop over the values would copy the slots of each upstream.
        for index in upstreams.indices {
            guard let seat = upstreams[index].serving ?? upstreams[index].current?.source.pool else { continue }
            if seats[Int(seat)].expectsReserved { return true }
            isKnown = true
        }
        return !isKnown && seats.contains { $0.rank == 0 && $0.expectsReserved }
    }

    /// The place of a seat's pool in the policy's list; `SettledShare.formerPool` when it is not in the list any more.
    func reportedRank(ofSeat seat: Int) -> UInt8 { seats[seat].rank ?? SettledShare.formerPool }

    /// Assigns seats to the pools of the policy; those that have one keep it.
    mutating func seatPools(at now: Instant) {
        for seat in seats.indices { seats[seat].rank = nil }
        var unseated: [Int] = []
        for (rank, pool) in policy.pools.enumerated() {
            if let seat = seats.firstIndex(where: { $0.rank == nil && $0.pool.isSame(as: pool) }) {
                seats[seat].pool = pool
                seats[seat].rank = UInt8(rank)
            } else {
                unseated.append(rank)
            }
        }
        for rank in unseated {
            let seat = vacateSeat(at: now)
            seats[seat] = PoolSeat(pool: policy.pools[rank], rank: UInt8(rank))
            for upstream in upstreams.indices { self[upstream, seat] = PoolSession() }
        }
    }

    /// A seat for a new pool: one without connections, else a new one. If there are too many, the seat of the pool that
    /// is not in the list any more and serves the fewest upstreams: its connections are closed.
    private mutating func vacateSeat(at now: Instant) -> Int {
        let former = seats.indices.filter { seats[$0].rank == nil }
        if let empty = former.first(where: { seat in !upstreams.contains { $0.sessions[seat].isConnected } }) {
            return empty
        }
        let served = { [upstreams] (seat: Int) in upstreams.count { $0.activePool == seat } }
        if seats.count >= Limits.poolSeatsMax, let seat = former.min(by: { served($0) < served($1) }) {
            for upstream in upstreams.indices { letGo(of: upstreams[upstream].connection(of: seat), at: now) }
            return seat
        }
        return addSeat(PoolSeat(pool: ShardPolicy.Pool(user: "", password: ""), rank: nil))
    }

    /// Appends a seat.
    /// - Returns: its number.
    mutating func addSeat(_ seat: PoolSeat) -> Int {
        seats.append(seat)
        for upstream in upstreams.indices { upstreams[upstream].sessions.append(PoolSession()) }
        return seats.count - 1
    }
}

// MARK: - Coding

extension PoolSeat {
    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.integer(ifGiven: rank)
            pool.encode(to: &writer)
            writer.integer(bannedUntil.microseconds)
            writer.integer(bans)
            verdicts.encode(to: &writer)
            streak.encode(to: &writer)
            writer.integer(reservedJobs)
        }
    }

    /// - Parameter reservedJobs: for a state of an older program, which counted them for all pools together.
    init(decoding reader: inout BinaryReader, reservedJobs: UInt8) throws(DecodingFault) {
        var reader = try reader.record()
        self.reservedJobs = reservedJobs
        rank = try reader.integer(ifGiven: UInt8.self)
        pool = try ShardPolicy.Pool(decoding: &reader)
        guard reader.remaining > 0 else { return }
        bannedUntil = Instant(microseconds: try reader.integer())
        bans = min(try reader.integer(), 16)
        if reader.remaining > 0 { verdicts = try RecentVerdicts(decoding: &reader) }
        if reader.remaining > 0 { streak = try RejectionStreak(decoding: &reader) }
        if reader.remaining > 0 {
            self.reservedJobs = try reader.integer(in: 0...PoolSeat.reservedJobsMax, "seat.reservedJobs")
        }
    }

    /// The seats in a state of an older program: those of the list, in order.
    static func inOrder(of policy: ShardPolicy, reservedJobs: UInt8 = 0) -> [PoolSeat] {
        policy.pools.enumerated().map { rank, pool in
            var seat = PoolSeat(pool: pool, rank: UInt8(rank))
            seat.reservedJobs = reservedJobs
            return seat
        }
    }

    /// Whether each pool of the policy has exactly one seat.
    static func seat(_ seats: [PoolSeat], allOf policy: ShardPolicy) -> Bool {
        let ranks = seats.compactMap(\.rank)
        return ranks.count == policy.pools.count
            && policy.pools.indices.allSatisfy { rank in
                seats.contains { $0.rank.map { Int($0) } == rank && $0.pool == policy.pools[rank] }
            }
    }
}
