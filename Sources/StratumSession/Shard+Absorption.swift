internal import StratumProtocol

/// The names that the parts of an absorbed shard have in the shard that has absorbed it.
public struct Absorption: Sendable {
    /// By the row that a miner had: its generation there, and its name here.
    fileprivate var rows: [(generation: UInt32, id: MinerID)?] = []
    /// What is added to the numbers of upstreams, to the generations of pool connections and to the keys of miners. All of
    /// the other shard's are moved, also those that are over: what differed still differs, and nothing has a name that was
    /// ever given here.
    fileprivate let upstreams: UInt16
    fileprivate let generations: UInt32
    fileprivate let keys: UInt64
    /// By the seat that a pool had: its seat here.
    fileprivate let seats: [UInt8]

    /// The miner's new name; nil when it was not there.
    public func name(of id: MinerID) -> MinerID? {
        guard Int(id.index) < rows.count, let row = rows[Int(id.index)], row.generation == id.generation else {
            return nil
        }
        return row.id
    }

    /// The pool connection's new name. One of a seat that was not there stays one.
    public func name(of id: PoolConnectionID) -> PoolConnectionID {
        let seat = Int(id.pool) < seats.count ? seats[Int(id.pool)] : .max
        return PoolConnectionID(
            upstream: id.upstream &+ upstreams, pool: seat, generation: id.generation &+ generations)
    }

    /// The new key of a miner that has logged in, whether it is still there or not.
    func key(of key: UInt64) -> UInt64 { key &+ keys }

    /// Stands for a miner that has left: nobody ever gets this name.
    fileprivate static let nobody = MinerID(index: .max, generation: .max)
}

extension Shard {
    /// Why another shard cannot be absorbed. This one is then as it was.
    public enum AbsorptionFault: Error, Equatable, Sendable {
        /// What was decided under one policy cannot go on under another.
        case otherPolicy
        case tooManyMiners
        case tooManyUpstreams
        case tooManySharesInFlight
        /// Of earlier lists, with connections that are not over.
        case tooManyPools
    }

    /// Takes another shard's miners, upstreams, jobs and shares in flight for its own.
    ///
    /// Whole upstreams move, with the miners in their slots: no miner gets another job or another part of the nonces, no
    /// pool a new login, and a verdict finds the share that it is about. Nothing is sent; of each miner that mines it is
    /// told that it has moved. What the other shard's failures have told of its pools is forgotten.
    /// - Parameter other: all that it has decided is performed.
    /// - Returns: the names that its miners and connections have here.
    public mutating func absorb(_ other: consuming Shard) throws(AbsorptionFault) -> Absorption {
        precondition(other.outbox.isEmpty, "decisions must be performed before a shard is absorbed")
        try checkRoom(for: other)
        var absorption = Absorption(
            upstreams: UInt16(upstreams.count), generations: dials, keys: nextMinerKey - 1,
            seats: seatPools(of: other.seats))
        absorption.rows.reserveCapacity(other.miners.count)
        for row in other.miners.indices {
            let former = other.miners[row]
            guard former.phase != .vacant else {
                absorption.rows.append(nil)
                continue
            }
            var wire = other.wires[row]
            wire.translate(from: other.agents, to: &agents)
            absorption.rows.append((former.generation, settle(former, wire, absorption)))
        }
        for index in other.upstreams.indices { other.upstreams[index].rename(absorption, seats: seats.count) }
        upstreams += other.upstreams
        nextMinerKey += other.nextMinerKey - 1
        dials &+= other.dials
        reservedJobs = max(reservedJobs, other.reservedJobs)
        for (pool, seat) in absorption.seats.enumerated() {
            if other.hasSaidReserved[pool] { hasSaidReserved[Int(seat)] = true }
            if other.hasSaidNoAlgorithm[pool] { hasSaidNoAlgorithm[Int(seat)] = true }
        }
        minersNow += other.minersNow
        connections += other.connections
        return absorption
    }

    private func checkRoom(for other: borrowing Shard) throws(AbsorptionFault) {
        var policy = other.policy
        // Which of the shards opens a pool connection before a miner has come is no difference.
        policy.keepsFirstUpstream = self.policy.keepsFirstUpstream
        guard policy == self.policy else { throw .otherPolicy }
        guard connections + other.connections <= Limits.minersMax,
            nextMinerKey + other.nextMinerKey - 1 <= Limits.minerKeyMax
        else { throw .tooManyMiners }
        guard upstreams.count + other.upstreams.count <= Limits.upstreamsMax else { throw .tooManyUpstreams }
        guard seats.count + other.seats.count <= Limits.poolSeatsMax + policy.pools.count else { throw .tooManyPools }
        guard sharePlaces + other.sharePlaces <= Limits.sharePlacesMax else { throw .tooManySharesInFlight }
    }

    /// Gives each pool of another shard with the same policy its seat here: the one of its place in the list, or a new one when
    /// it is on the list no more.
    private mutating func seatPools(of others: [PoolSeat]) -> [UInt8] {
        others.map { other in
            if let rank = other.rank, let seat = seats.firstIndex(where: { $0.rank == rank }) { return UInt8(seat) }
            return UInt8(addSeat(other))
        }
    }

    private var sharePlaces: Int {
        upstreams.reduce(0) { $1.sessions.reduce($0) { $0 + $1.inFlight.ringCount } }
    }

    /// Gives a miner a row of this shard.
    private mutating func settle(_ former: MinerSession, _ wire: MinerWire, _ absorption: Absorption) -> MinerID {
        guard let id = nextMinerID else { preconditionFailure("there is room for all") }
        var (miner, wire) = (former, wire)
        miner.generation = id.generation
        wire.generation = id.generation
        if miner.phase != .awaitingLogin {
            miner.upstream &+= absorption.upstreams
            if miner.formerUpstream > 0 { miner.formerUpstream &+= absorption.upstreams }
            miner.key = absorption.key(of: miner.key)
        }
        if Int(id.index) == miners.count {
            miners.append(miner)
            wires.append(wire)
        } else {
            vacant.removeLast()
            miners[Int(id.index)] = miner
            wires[Int(id.index)] = wire
        }
        if miner.phase == .mining { outbox.append(.moved(id, key: miner.key)) }
        return id
    }
}

extension Upstream {
    /// It is another shard's now, and has its names.
    fileprivate mutating func rename(_ absorption: Absorption, seats: Int) {
        index &+= absorption.upstreams
        space.rename { absorption.name(of: $0) ?? Absorption.nobody }
        for pool in sessions.indices {
            sessions[pool].generation &+= absorption.generations
            sessions[pool].inFlight.rename { share in
                share.miner = absorption.name(of: share.miner) ?? Absorption.nobody
                share.minerKey = absorption.key(of: share.minerKey)
            }
        }
        let former = sessions
        sessions = [PoolSession](repeating: PoolSession(), count: seats)
        for (pool, seat) in absorption.seats.enumerated() { sessions[Int(seat)] = former[pool] }
        serving = serving.map { absorption.seats[Int($0)] }
        lastPool = absorption.seats[Int(lastPool)]
        if let source = current?.source { current?.source = absorption.name(of: source) }
        if let source = previous?.source { previous?.source = absorption.name(of: source) }
    }
}
