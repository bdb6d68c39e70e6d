extension Statistics {
    /// The state at `now`. Shards that were silent too long stop counting as live, so process all waiting bus messages
    /// first.
    public mutating func snapshot(at now: Moment) -> Snapshot {
        for shard in shards.indices where shards[shard].isLive {
            let heard = min(shards[shard].lastHeard, now.monotonic)
            if now.monotonic - heard > Statistics.silenceMillisecondsMax { change(.fellSilent, shard, at: now.time) }
        }
        let now = now.time
        sequence += 1
        var snapshot = Snapshot()
        snapshot.sequence = sequence
        snapshot.time = now
        snapshot.startedAt = startedAt
        snapshot.servedMilliseconds = servedMilliseconds(at: now)
        let servedSeconds = Double(snapshot.servedMilliseconds) / 1_000
        snapshot.results = results()
        snapshot.hashrates = window.rates(at: now)
        snapshot.hashrates.allTime = servedSeconds > 0 ? Double(credited) / servedSeconds : 0
        snapshot.minersNow = UInt32(clamping: minersNow)
        snapshot.minersMax = UInt32(clamping: minersMax)
        for (number, shard) in shards.enumerated() {
            let row = shard.row(number)
            snapshot.upstreams.active &+= row.upstreams.active
            snapshot.upstreams.sleeping &+= row.upstreams.sleeping
            snapshot.upstreams.error &+= row.upstreams.error
            snapshot.shards.append(row)
            guard shard.isLive else { continue }
            snapshot.minersWaiting &+= row.minersWaiting
            snapshot.minersQuarantined &+= shard.minersQuarantined
            let places = shard.pools.map { snapshot.place(of: $0) }
            for (place, condition) in zip(places, shard.poolConditions) where place != Snapshot.unknownPool {
                snapshot.poolConditions[Int(place)].add(condition)
            }
            snapshot.openUpstreams += shard.openUpstreams.map { gauge in
                var gauge = gauge
                gauge.pool = Int(gauge.pool) < places.count ? places[Int(gauge.pool)] : Snapshot.unknownPool
                return Snapshot.UpstreamRow(shard: row.shard, gauge: gauge)
            }
        }
        snapshot.packedWorkers = workers.snapshotRows(at: now, servedSeconds: servedSeconds)
        snapshot.database = database
        return snapshot
    }

    /// The total running time of the service, across restarts.
    func servedMilliseconds(at now: UInt64) -> UInt64 {
        var served = servedBefore
        if now > startedAt { served.add(saturating: now - startedAt) }
        return served
    }

    private func results() -> Snapshot.Results {
        var results = Snapshot.Results()
        results.accepted = totals.accepted
        results.rejected = totals.rejected
        results.invalid = totals.invalid
        results.expired = totals.expired
        results.hashesTotal = totals.hashesTotal
        results.joined = totals.joined
        results.refusals = refusals
        results.latencyMilliseconds = latency.median
        results.latencyPercentiles.p50 = latency.percentile(50)
        results.latencyPercentiles.p90 = latency.percentile(90)
        results.latencyPercentiles.p99 = latency.percentile(99)
        results.latencySumMilliseconds = latency.sumMicroseconds / 1_000
        results.latencyCount = latency.total
        results.lastLossAt = lastLossAt
        results.best = best.values
        results.errors = errors.entries
        return results
    }
}
