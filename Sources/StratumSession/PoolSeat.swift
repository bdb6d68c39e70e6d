internal import StratumProtocol

/// A pool that a shard has to do with: one of the policy's, or one of an earlier policy that still has connections.
///
/// A pool keeps its seat while its place in the operator's list changes, and when it is taken off the list its seat goes
/// to nobody else before its last connection is closed: seats name connections (`PoolConnectionID.pool`), and those
/// outlive the list.
struct PoolSeat {
    var pool: ShardPolicy.Pool
    /// Its place in the policy's list; nil when it is on it no more.
    var rank: UInt8?
    /// No connection is made before then: the pool has banned us.
    var bannedUntil = Instant(microseconds: 0)
    /// Bans in a row, without an accepted share between them.
    var bans: UInt8 = 0
    /// On shares, of all upstreams.
    var verdicts = RecentVerdicts()
    /// Of its rejections, of all upstreams.
    var streak = RejectionStreak()

    init(pool: ShardPolicy.Pool, rank: UInt8?) {
        self.pool = pool
        self.rank = rank
    }

    /// The pool says that it has banned us. Each upstream that hears of the same ban counts it once.
    mutating func banned(at now: Instant) {
        guard now >= bannedUntil else { return }
        let pause = Limits.banPause.count << UInt64(min(bans, 16))
        bannedUntil = now + Milliseconds(min(pause, Limits.banPauseMax.count))
        bans = min(bans + 1, 16)
    }

    /// The pool has accepted a share: a ban that comes later is a new one.
    mutating func isUseful() {
        bans = 0
    }
}

extension Shard {
    /// Where the pools are, seat by seat, in words fit for logs.
    public var poolNames: [String] { seats.map(\.pool.name) }

    /// Where the pool of a connection is.
    public func poolName(of id: PoolConnectionID) -> String { seats[Int(id.pool)].pool.name }

    /// The place of a seat's pool in the policy's list; `SettledShare.formerPool` when it is on it no more.
    func reportedRank(ofSeat seat: Int) -> UInt8 { seats[seat].rank ?? SettledShare.formerPool }

    /// Seats the pools of the policy: those that stay keep their seats.
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

    /// A seat that nobody has: one that is empty, else a new one. When there are too many, that of the pool off the list
    /// which serves the fewest: its connections end.
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

    /// A seat more, at the end.
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

    /// As an older program seated them: in the order of the list.
    static func inOrder(of policy: ShardPolicy) -> [PoolSeat] {
        policy.pools.enumerated().map { PoolSeat(pool: $1, rank: UInt8($0)) }
    }

    /// Whether each pool of the policy has one seat.
    static func seat(_ seats: [PoolSeat], allOf policy: ShardPolicy) -> Bool {
        let ranks = seats.compactMap(\.rank)
        return ranks.count == policy.pools.count
            && policy.pools.indices.allSatisfy { rank in
                seats.contains { $0.rank.map { Int($0) } == rank && $0.pool == policy.pools[rank] }
            }
    }
}
