// The connected miners: those of each shard's current epoch, while the shard is live.

extension Statistics {
    // MARK: - Joining and leaving

    mutating func join(_ joined: MinerJoined, _ shard: Int, _ life: Int, _ now: UInt64) {
        guard !shards[shard].lives[life].miners.isLive(joined.key) else { return }
        var row = ShardMiners.noRow
        var claim: String?
        if let name = joined.worker.map(WorkerTable.ownName) {
            let index = workers.index(of: name, from: joined.ip)
            workers.came(index, from: joined.ip, at: now)
            if workers.rows[index].name != name { claim = name }
            row = Int32(index)
        }
        let miner = live(joined, at: row)
        shards[shard].lives[life].miners.join(joined.key, miner, claiming: claim)
        if shards[shard].counts(life) { count(miner, claim, shard, now) }
    }

    /// Called when a pool has accepted a share of this miner. If it counts in the shared row, it gets a row of its own,
    /// if the table has a place for one.
    mutating func giveOwnRow(_ key: MinerKey, _ shard: Int, _ life: Int, at time: UInt64) {
        guard !shards[shard].lives[life].miners.claims.isEmpty,
            let name = shards[shard].lives[life].miners.claims[key],
            let miner = shards[shard].lives[life].miners.live[key],
            let index = workers.provenIndex(of: name, from: miner.ip)
        else { return }
        let former = workers.rows[Int(miner.place.row)].name
        let own = texts.shared(
            agent: miner.texts.agent, user: miner.texts.user(worker: former),
            rigID: miner.texts.rigID(worker: former), worker: name)
        shards[shard].lives[life].miners.move(key, to: Int32(index), own)
        guard shards[shard].counts(life) else { return }
        workers.left(Int(miner.place.row), at: time)
        workers.joined(index)
    }

    mutating func notePeak(at now: UInt64) {
        let since = now > movedAt ? now - movedAt : movedAt - now
        guard movedAt == 0 || since > Statistics.mergeMillisecondsMax else { return }
        minersMax = max(minersMax, minersNow)
    }

    private mutating func live(_ joined: MinerJoined, at row: Int32) -> ShardMiners.Live {
        let name = row >= 0 ? workers.rows[Int(row)].name : nil
        return ShardMiners.Live(
            place: .init(key: relay.newKey(), row: row), ip: joined.ip,
            texts: texts.shared(agent: joined.agent, user: joined.user, rigID: joined.rigID, worker: name))
    }

    mutating func leave(_ key: MinerKey, _ shard: Int, _ life: Int, _ now: UInt64) {
        guard let place = shards[shard].lives[life].miners.leave(key), shards[shard].counts(life) else { return }
        uncount(place, at: now)
    }

    /// Exactly these miners are connected. The others are remembered for their late shares.
    mutating func resynchronise(_ miners: [MinerJoined], _ epoch: Epoch, _ shard: Int, _ now: UInt64) {
        guard let life = shards[shard].life(of: epoch) else { return }
        let living = Set(miners.map(\.key))
        for key in shards[shard].lives[life].miners.live.keys.sorted() where !living.contains(key) {
            leave(key, shard, life, now)
        }
        // Keys are in the order of arrival, which determines the order of rows.
        for miner in miners.sorted(by: { $0.key < $1.key }) { join(miner, shard, life, now) }
    }

    mutating func beginEpoch(_ epoch: Epoch, _ shard: Int, _ now: UInt64) {
        // Before `begin`, the old epoch is the one that counts.
        setLive(shard, false, at: now)
        shards[shard].begin(epoch)
        setLive(shard, true, at: now)
    }

    /// Adds the miners of a shard to the current counts, or removes them.
    mutating func setLive(_ shard: Int, _ isLive: Bool, at now: UInt64) {
        guard shards[shard].isLive != isLive else { return }
        shards[shard].isLive = isLive
        guard let miners = shards[shard].lives.last?.miners else { return }
        for (key, miner) in miners.live {
            if isLive { count(miner, miners.claims[key], shard, now) } else { uncount(miner.place, at: now) }
        }
    }

    private mutating func count(_ miner: ShardMiners.Live, _ claim: String?, _ shard: Int, _ now: UInt64) {
        minersNow += 1
        notePeak(at: now)
        if miner.place.row >= 0 { workers.joined(Int(miner.place.row)) }
        relay.join(joined(miner, claim, shard))
    }

    private mutating func uncount(_ place: ShardMiners.Place, at now: UInt64) {
        minersNow -= 1
        if place.row >= 0 { workers.left(Int(place.row), at: now) }
        relay.leave(place.key)
    }

    /// - Parameter claim: the worker name of a miner that counts in the shared row.
    private func joined(_ miner: ShardMiners.Live, _ claim: String?, _ shard: Int) -> MinerJoined {
        let name = miner.place.row >= 0 ? workers.rows[Int(miner.place.row)].name : nil
        return MinerJoined(
            key: miner.place.key, worker: claim ?? name, ip: miner.ip, agent: miner.texts.agent,
            user: miner.texts.user(worker: name), rigID: miner.texts.rigID(worker: name),
            shard: UInt16(truncatingIfNeeded: shard))
    }

    // MARK: - For subscribers of the collector

    /// The events since the last call, in order: `joined`, `left`, `share` and `poolError` of all shards, with the
    /// collector's miner keys. When a shard falls silent, its miners leave; when it is heard again, they join again
    /// under the same keys. The miners that have joined and not left are exactly those of `Snapshot.minersNow`. A share
    /// whose miner is not known any more has key 0. Call this after each `hear` and `snapshot`.
    public mutating func takeRelay() -> [ShardEvent] { relay.take() }

    /// The miners that have joined and not left, in the order of their keys.
    public func liveMiners() -> [MinerJoined] {
        var miners: [MinerJoined] = []
        miners.reserveCapacity(minersNow)
        for (number, shard) in shards.enumerated() where shard.isLive {
            guard let known = shard.lives.last?.miners else { continue }
            for (key, miner) in known.live { miners.append(joined(miner, known.claims[key], number)) }
        }
        return miners.sorted { $0.key < $1.key }
    }

    // MARK: - Gauges

    /// Stores the current values of a shard. Gauges of another epoch than the current one are ignored.
    public mutating func hearGauges(_ gauges: ShardGauges, from shard: UInt16, at now: Moment) {
        let number = Int(shard)
        guard shards.indices.contains(number), let life = shards[number].lives.last, life.epoch == gauges.epoch
        else { return }
        hear([], from: shard, at: now)
        shards[number].loopDelayMicroseconds = gauges.loopDelayMicroseconds
        shards[number].openUpstreams = gauges.upstreams.sorted { $0.id < $1.id }
        shards[number].pools = gauges.pools
        shards[number].poolConditions = gauges.poolConditions
        shards[number].minersWaiting = gauges.minersWaiting
        shards[number].minersQuarantined = gauges.minersQuarantined
        shards[number].losesMinersOnCrash = gauges.losesMinersOnCrash
        shards[number].closed = gauges.closed
        shards[number].tls = gauges.tls
        for var gauge in gauges.miners {
            guard let place = shards[number].lives.last?.miners.live[gauge.key]?.place else { continue }
            gauge.key = place.key
            relay.add(gauge)
        }
    }

    /// The gauges of miners since the last call, with the collector's keys.
    public mutating func takeMinerGauges() -> [MinerGauge] { relay.takeGauges() }
}
