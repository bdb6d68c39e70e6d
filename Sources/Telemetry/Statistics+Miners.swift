// Who is there: the miners of each shard's present life, while the shard is heard.

extension Statistics {
    // MARK: - Coming and going

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

    /// A pool has accepted a share of this miner: if it counts with the others, it gets the row of its own name now, where
    /// there is a place for it.
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

    /// Exactly these miners live. Those that do not are remembered for their late shares.
    mutating func resynchronise(_ miners: [MinerJoined], _ epoch: Epoch, _ shard: Int, _ now: UInt64) {
        guard let life = shards[shard].life(of: epoch) else { return }
        let living = Set(miners.map(\.key))
        for key in shards[shard].lives[life].miners.live.keys.sorted() where !living.contains(key) {
            leave(key, shard, life, now)
        }
        // In the order in which they came, which is the order of their rows.
        for miner in miners.sorted(by: { $0.key < $1.key }) { join(miner, shard, life, now) }
    }

    mutating func beginEpoch(_ epoch: Epoch, _ shard: Int, _ now: UInt64) {
        // While the old life is the last one it is the one that counts.
        setLive(shard, false, at: now)
        shards[shard].begin(epoch)
        setLive(shard, true, at: now)
    }

    /// Takes the miners of a shard into the numbers of now, or out of them.
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

    /// - Parameter claim: the name of a miner that counts with the others.
    private func joined(_ miner: ShardMiners.Live, _ claim: String?, _ shard: Int) -> MinerJoined {
        let name = miner.place.row >= 0 ? workers.rows[Int(miner.place.row)].name : nil
        return MinerJoined(
            key: miner.place.key, worker: claim ?? name, ip: miner.ip, agent: miner.texts.agent,
            user: miner.texts.user(worker: name), rigID: miner.texts.rigID(worker: name),
            shard: UInt16(truncatingIfNeeded: shard))
    }

    // MARK: - For those who follow the collector

    /// What has happened since the last call, in order: `joined`, `left`, `share` and `poolError` of all shards, with the
    /// collector's miner keys. A miner of a shard that falls silent leaves, and joins again under the same key when the
    /// shard is heard again: whoever has joined and not left is counted in `Snapshot.minersNow`, and nobody else.
    /// A share whose miner is not known any more bears key 0. Take them after each `hear` and `snapshot`.
    public mutating func takeRelay() -> [ShardEvent] { relay.take() }

    /// Every miner that has joined and not left, in the order of their keys.
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

    /// Takes in what is so in a shard just now. Gauges of another life than the present one are ignored.
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
        for var gauge in gauges.miners {
            guard let place = shards[number].lives.last?.miners.live[gauge.key]?.place else { continue }
            gauge.key = place.key
            relay.add(gauge)
        }
    }

    /// The miners' gauges since the last call, with the collector's keys.
    public mutating func takeMinerGauges() -> [MinerGauge] { relay.takeGauges() }
}
