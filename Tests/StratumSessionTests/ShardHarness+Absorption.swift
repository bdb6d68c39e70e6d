import StratumProtocol

@testable import StratumSession

// Shards that absorb others, and parts of others.
extension ShardHarness {
    /// Its shard absorbs another one's. Miners and pools do not notice, and the books go on.
    func absorb(_ other: ShardHarness) throws(Shard.AbsorptionFault) {
        var absorbed = Shard(policy: other.shard.policy, seed: 0, secretSeed: 1)
        swap(&absorbed, &other.shard)
        let names = try shard.absorb(absorbed)
        let numbers = miners.count
        for (blob, worker) in other.workerOfBlob {
            keep(workerOfBlob.updateValue(numbers + worker, forKey: blob) == nil, "two shards have given the same work")
        }
        for miner in other.miners {
            miners.append(miner)
            let id = names.name(of: miner.id)
            keep((id != nil) == miner.isConnected, "a miner without a name, or a name without a miner")
            miner.rename(id ?? MinerID(index: .max, generation: 0), number: numbers + miner.number)
            if let id { keep(minerOf.updateValue(miner, forKey: id) == nil, "a miner with the name of another") }
        }
        for peer in other.peers {
            // One that was hung up may have had an upstream that sleeps now: it is heard of no more.
            guard let id = names.name(of: peer.id) else {
                keep(!peer.isOpen, "an open connection without a name")
                continue
            }
            peer.rename(id)
            keep(peerOf.updateValue(peer, forKey: peer.id) == nil, "a connection with the name of another")
            peers.append(peer)
        }
        pools += other.pools.dropFirst(pools.count)
        for pool in other.pools.indices { pools[pool].job.work = max(pools[pool].job.work, other.pools[pool].job.work) }
        settled += other.settled
        authenticated += other.authenticated
        waitedShares += other.waitedShares
        violations += other.violations
        noncesAtPools.formUnion(other.noncesAtPools)
        perform()
    }

    /// Another harness's shard takes over a part of this one. Neither the miners nor the pools notice, and the books of both go on.
    /// - Returns: how many miners have moved; nil when no part has so few.
    func give(_ part: ReleasedPart, to other: ShardHarness) throws -> Int? {
        var copy = try read(written(shard))
        guard copy.reduce(to: part, at: now) else { return nil }
        let names = try other.shard.absorb(copy)
        var moved = 0
        for (index, miner) in miners.enumerated() {
            guard miner.isConnected, let id = names.name(of: miner.id) else { continue }
            moved += 1
            let number = other.miners.count
            for (blob, worker) in workerOfBlob where worker == miner.number {
                workerOfBlob[blob] = nil
                other.workerOfBlob[blob] = number
            }
            let absent = Miner(number: miner.number, id: miner.id)
            absent.hasLeft = true
            miners[index] = absent
            miner.rename(id, number: number)
            other.miners.append(miner)
            other.keep(other.minerOf.updateValue(miner, forKey: id) == nil, "a miner with the name of another")
        }
        for peer in peers where peer.isOpen {
            let former = peer.id
            guard let id = names.name(of: former) else { continue }
            peer.rename(id)
            other.keep(other.peerOf.updateValue(peer, forKey: id) == nil, "a connection with the name of another")
            other.peers.append(peer)
            peers.removeAll { $0 === peer }
            peerOf[former] = nil
        }
        other.pools += pools.dropFirst(other.pools.count)
        for pool in pools.indices { other.pools[pool].job.work = max(pools[pool].job.work, other.pools[pool].job.work) }
        other.noncesAtPools.formUnion(noncesAtPools)
        take(.release(part))
        perform()
        other.perform()
        return moved
    }
}
