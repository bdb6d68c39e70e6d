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

    /// The pool has accepted a share: a later ban is a new one.
    mutating func isUseful() {
        bans = 0
    }
}

extension Shard {
    /// The addresses of the pools for logs, by seat.
    public var poolNames: [String] { seats.map(\.pool.name) }

    /// The address of a connection's pool.
    public func poolName(of id: PoolConnectionID) -> String { seats[Int(id.pool)].pool.name }

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
            hasSaidReserved[seat] = false
            hasSaidNoAlgorithm[seat] = false
            failureReports[seat] = FailureReports()
            for upstream in upstreams.indices { upstreams[upstream].sessions[seat] = PoolSession() }
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
        hasSaidReserved.append(false)
        hasSaidNoAlgorithm.append(false)
        failureReports.append(FailureReports())
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
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        var reader = try reader.record()
        rank = try reader.integer(ifGiven: UInt8.self)
        pool = try ShardPolicy.Pool(decoding: &reader)
        guard reader.remaining > 0 else { return }
        bannedUntil = Instant(microseconds: try reader.integer())
        bans = min(try reader.integer(), 16)
        if reader.remaining > 0 { verdicts = try RecentVerdicts(decoding: &reader) }
        if reader.remaining > 0 { streak = try RejectionStreak(decoding: &reader) }
    }

    /// The seats in a state of an older program: those of the list, in order.
    static func inOrder(of policy: ShardPolicy) -> [PoolSeat] {
        policy.pools.enumerated().map { PoolSeat(pool: $1, rank: UInt8($0)) }
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
