internal import StratumSession
internal import Telemetry

// What a worker tells beside its events: how things stand.

extension Worker {
    /// All upstreams, and of the miners those whose turn it is.
    func tellGauges() {
        let slice = stride(
            from: seconds % ShardGauges.minersEverySeconds, to: miners.count, by: ShardGauges.minersEverySeconds)
        seconds += 1
        let gauges = slice.compactMap { row -> MinerGauge? in
            guard let id = miners[row]?.id, let key = shard.joinedKey(of: id), let traffic = shard.traffic(of: id)
            else { return nil }
            return MinerGauge(
                key: key, sentBytes: traffic.sent, receivedBytes: traffic.received,
                difficulty: shard.difficulty(of: id) ?? 0)
        }
        reporter.gauges(shard, gauges, loopDelay: loopDelay.takeWorst(), isCrashSafe: isCrashSafe, now: now)
    }

    /// Those that have joined and not left.
    var joinedMiners: [MinerJoined] {
        miners.compactMap { connection in
            guard let id = connection?.id, let key = shard.joinedKey(of: id),
                let introduction = shard.introduction(of: id)
            else { return nil }
            return translation.joined(introduction, key: key)
        }
    }
}
