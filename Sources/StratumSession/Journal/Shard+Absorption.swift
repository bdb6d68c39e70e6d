internal import StratumProtocol

/// The ids that the parts of an absorbed shard get in the absorbing shard. All of them are new there.
public struct Absorption: Sendable {
    fileprivate struct Row: Sendable {
        /// The miner's generation in the absorbed shard.
        var generation: UInt32
        var id: MinerID
        var key: UInt64
    }

    /// By the miner's former row.
    fileprivate var rows: [Row?] = []
    /// By the upstream's former number; nil for a suspended one.
    fileprivate let upstreams: [UInt16?]
    /// The number added to the generations of pool connections.
    fileprivate let generations: UInt32
    /// The key of all miners that left with shares in flight.
    fileprivate var departedKey: UInt64 = 0
    /// The new seat of each former seat; nil for a pool that has no connection and is in no list.
    fileprivate let seats: [UInt8?]

    fileprivate init(upstreams: [UInt16?], generations: UInt32, seats: [UInt8?]) {
        self.upstreams = upstreams
        self.generations = generations
        self.seats = seats
    }

    private func row(of id: MinerID) -> Row? {
        guard Int(id.index) < rows.count, let row = rows[Int(id.index)], row.generation == id.generation else {
            return nil
        }
        return row
    }

    /// The miner's new id; nil when there was no such miner.
    public func name(of id: MinerID) -> MinerID? { row(of: id)?.id }

    /// The new key of a miner; for one that has left, a key that no miner has.
    func key(of id: MinerID) -> UInt64 { row(of: id)?.key ?? departedKey }

    /// The pool connection's new id. One with an unknown seat gets a seat that is unknown here too.
    public func name(of id: PoolConnectionID) -> PoolConnectionID? {
        guard let upstream = number(of: id.upstream) else { return nil }
        let seat = Int(id.pool) < seats.count ? seats[Int(id.pool)] : nil
        return PoolConnectionID(upstream: upstream, pool: seat ?? .max, generation: id.generation &+ generations)
    }

    fileprivate func number(of upstream: UInt16) -> UInt16? {
        Int(upstream) < upstreams.count ? upstreams[Int(upstream)] : nil
    }

    /// The id in place of a miner that has left. No miner ever gets it.
    fileprivate static let nobody = MinerID(index: .max, generation: .max)
}

extension Shard {
    /// Why another shard cannot be absorbed. This shard is unchanged then.
    public enum AbsorptionFault: Error, Equatable, Sendable {
        /// Decisions made under one policy cannot continue under another.
        case otherPolicy
        case tooManyMiners
        case tooManyUpstreams
        case tooManySharesInFlight
        /// Pools of earlier lists still have connections.
        case tooManyPools
    }

    /// Absorbs another shard: its miners, upstreams, jobs and shares in flight.
    ///
    /// Whole upstreams move, with the miners in their slots: no miner gets another job or other nonces, no pool gets a
    /// new login, and a verdict still finds its share. Nothing is sent; each miner with a job is reported as moved. The
    /// other shard's record of reported failures is discarded.
    /// - Parameter other: its outbox must be empty.
    /// - Returns: the ids that its miners and connections have here.
    public mutating func absorb(_ other: consuming Shard) throws(AbsorptionFault) -> Absorption {
        precondition(other.outbox.isEmpty, "decisions must be performed before a shard is absorbed")
        try checkRoom(for: other)
        var absorption = Absorption(
            upstreams: places(for: other.upstreams), generations: dials, seats: seatPools(of: other))
        absorption.rows.reserveCapacity(other.miners.count)
        for row in other.miners.indices {
            let former = other.miners[row]
            guard former.phase != .vacant else {
                absorption.rows.append(nil)
                continue
            }
            var wire = other.connectionStates[row]
            wire.translate(from: other.agents, to: &agents)
            absorption.rows.append(enter(former, wire, absorption))
        }
        absorption.departedKey = takeMinerKey()
        for var upstream in other.upstreams {
            guard let number = absorption.number(of: upstream.index) else { continue }
            upstream.rename(absorption, to: number, seats: seats.count)
            if Int(number) == upstreams.count { upstreams.append(upstream) } else { upstreams[Int(number)] = upstream }
        }
        dials &+= other.dials
        for case (let pool, let seat?) in absorption.seats.enumerated() {
            seats[Int(seat)].learn(from: other.seats[pool])
        }
        minersNow += other.minersNow
        connections += other.connections
        return absorption
    }

    private func checkRoom(for other: borrowing Shard) throws(AbsorptionFault) {
        var policy = other.policy
        // It does not matter which shard opens a pool connection before the first miner connects.
        policy.keepsFirstUpstream = self.policy.keepsFirstUpstream
        guard policy == self.policy else { throw .otherPolicy }
        guard connections + other.connections <= Limits.minersMax,
            nextMinerKey + UInt64(other.connections) < Limits.minerKeyMax
        else { throw .tooManyMiners }
        let awake = upstreams.count { !$0.isSuspended } + other.upstreams.count { !$0.isSuspended }
        guard awake <= Limits.upstreamsMax else { throw .tooManyUpstreams }
        guard seats.count + other.seats.count <= Limits.poolSeatsMax + policy.pools.count else { throw .tooManyPools }
        guard sharePlaces + other.sharePlaces <= Limits.sharePlacesMax else { throw .tooManySharesInFlight }
    }

    /// The seats here for the pools of another shard with the same policy: the seat of the same place in the list, or a
    /// new one for a pool that is not in the list any more.
    private mutating func seatPools(of other: borrowing Shard) -> [UInt8?] {
        var places: [UInt8?] = []
        for (seat, pool) in other.seats.enumerated() {
            if let rank = pool.rank, let seat = seats.firstIndex(where: { $0.rank == rank }) {
                places.append(UInt8(seat))
            } else {
                let isUsed = other.upstreams.contains { $0.uses(seat: seat) }
                places.append(isUsed ? UInt8(addSeat(pool)) : nil)
            }
        }
        return places
    }

    /// The numbers here for another shard's upstreams: those of suspended upstreams, then new ones. Suspended ones of
    /// the other shard are not absorbed.
    private func places(for others: [Upstream]) -> [UInt16?] {
        var free = upstreams.indices.filter { upstreams[$0].isSuspended }[...]
        var end = upstreams.count
        return others.map { other in
            if other.isSuspended { return nil }
            if let sleeping = free.popFirst() { return UInt16(sleeping) }
            defer { end += 1 }
            return UInt16(end)
        }
    }

    private mutating func takeMinerKey() -> UInt64 {
        defer { nextMinerKey += 1 }
        return nextMinerKey
    }

    private var sharePlaces: Int {
        upstreams.reduce(0) { $1.sessions.reduce($0) { $0 + $1.inFlight.ringCount } }
    }

    /// Adds a miner in a row of this shard.
    private mutating func enter(
        _ former: MinerSession, _ wire: MinerConnectionState, _ absorption: Absorption
    ) -> Absorption.Row {
        guard let id = nextMinerID else { preconditionFailure("there is room for all") }
        var (miner, wire) = (former, wire)
        miner.generation = id.generation
        wire.generation = id.generation
        if miner.phase != .awaitingLogin {
            guard let upstream = absorption.number(of: miner.upstream) else {
                preconditionFailure("an upstream with a miner does not sleep")
            }
            miner.upstream = upstream
            miner.formerUpstream =
                miner.formerUpstream > 0 ? absorption.number(of: miner.formerUpstream - 1).map { $0 + 1 } ?? 0 : 0
            miner.key = takeMinerKey()
        }
        if Int(id.index) == miners.count {
            miners.append(miner)
            connectionStates.append(wire)
        } else {
            vacant.removeLast()
            miners[Int(id.index)] = miner
            connectionStates[Int(id.index)] = wire
        }
        heldBytes += wire.heldBytes
        if miner.phase == .mining { outbox.append(.moved(id, key: miner.key)) }
        return Absorption.Row(generation: former.generation, id: id, key: miner.key)
    }
}

extension Upstream {
    /// Changes all ids in an upstream to those of this shard.
    fileprivate mutating func rename(_ absorption: Absorption, to number: UInt16, seats: Int) {
        index = number
        space.rename { absorption.name(of: $0) ?? Absorption.nobody }
        for pool in sessions.indices {
            sessions[pool].generation &+= absorption.generations
            sessions[pool].inFlight.rename { share in
                share.minerKey = absorption.key(of: share.miner)
                share.miner = absorption.name(of: share.miner) ?? Absorption.nobody
            }
        }
        let former = sessions
        sessions = [PoolSession](repeating: PoolSession(), count: seats)
        for case (let pool, let seat?) in absorption.seats.enumerated() { sessions[Int(seat)] = former[pool] }
        serving = serving.flatMap { absorption.seats[Int($0)] }
        lastPool = absorption.seats[Int(lastPool)] ?? 0
        if let source = current?.source { current?.source = absorption.name(of: source) ?? source }
        if let source = previous?.source { previous?.source = absorption.name(of: source) ?? source }
    }

    /// Whether it has a connection to this pool, or a job of it.
    fileprivate func uses(seat: Int) -> Bool {
        sessions[seat].isConnected || current.map { Int($0.source.pool) } == seat
            || previous.map { Int($0.source.pool) } == seat
    }
}
