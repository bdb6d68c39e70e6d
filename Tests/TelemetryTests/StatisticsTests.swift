import Testing

@testable import Telemetry

struct StatisticsTests {
    private let start = Sample.start
    private let second = Epoch(high: 9, low: 9)

    private func fold(_ shards: Int = 1, _ events: [ShardEvent]) -> Statistics {
        var statistics = Statistics(startedAt: start, shardCount: shards)
        for shard in 0..<shards {
            statistics.apply(.epochBegan(Sample.epoch), shard: UInt16(shard), at: start)
            statistics.heard(shard: UInt16(shard), at: start)
        }
        add(events, to: &statistics)
        return statistics
    }

    private func add(
        _ events: [ShardEvent], to statistics: inout Statistics, shard: UInt16 = 0, epoch: Epoch = Sample.epoch
    ) {
        statistics.apply(.events(epoch, events[...]), shard: shard, at: start + 1_000)
    }

    @Test func anAcceptedShareCountsEverywhere() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1, difficulty: 6_000))])
        let snapshot = statistics.snapshot(at: start + 2_000)
        #expect(snapshot.sequence == 1)
        #expect(snapshot.time == start + 2_000)
        #expect(snapshot.startedAt == start)
        #expect(snapshot.results.accepted == 1)
        #expect(snapshot.results.hashesTotal == 6_000)
        #expect(snapshot.results.latencyMilliseconds == 86)
        #expect(snapshot.results.best == [18_000] + Array(repeating: 0, count: 9))
        #expect(snapshot.hashrates.oneMinute == 100)
        #expect(snapshot.hashrates.allTime == 3_000)
        #expect(snapshot.minersNow == 1)
        let row = snapshot.workers[0]
        #expect((row.name, row.ip) == ("rig", "192.0.2.7"))
        #expect([row.accepted, row.rejected, row.invalid, row.hashes] == [1, 0, 0, 6_000])
        #expect(row.connections == 1)
        #expect(row.lastShareAt == start)
        #expect(row.hashrates == snapshot.hashrates)
    }

    @Test func refusedSharesCountButDoNoWork() {
        var statistics = fold([
            .joined(Sample.joined(1)), .share(Sample.share(.rejected, .pool, expired: true)),
            .share(Sample.share(.invalid, .staleJob)), .share(Sample.share(.invalid, .lowDifficulty)),
            .poolError(PoolError(time: start, text: "Block expired")),
        ])
        let snapshot = statistics.snapshot(at: start + 2_000)
        let results = snapshot.results
        #expect([results.accepted, results.rejected, results.invalid, results.expired] == [0, 1, 2, 1])
        #expect(results.hashesTotal == 0)
        #expect(results.errors == [Snapshot.ErrorLogEntry(count: 1, text: "Block expired")])
        #expect([snapshot.workers[0].rejected, snapshot.workers[0].invalid] == [1, 2])
        #expect(snapshot.workers[0].lastShareAt == 0)
        #expect(snapshot.hashrates.all.allSatisfy { $0 == 0 })
        #expect(results.latencyMilliseconds == 0)
    }

    @Test func aLocalShareCountsForItsWorkerAndTheRatesOnly() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.share(.local, .none))])
        let snapshot = statistics.snapshot(at: start + 2_000)
        #expect(snapshot.results.accepted == 0)
        #expect(snapshot.results.hashesTotal == 0)
        #expect(snapshot.results.best[0] == 0)
        #expect(snapshot.workers[0].accepted == 1)
        #expect(snapshot.workers[0].hashes == 500)
        #expect(snapshot.hashrates.oneMinute == 500.0 / 60)
        #expect(snapshot.workers[0].hashrates.oneMinute == 500.0 / 60)
    }

    @Test func rowsGatherConnectionsByNameAndShowTheLastAddress() {
        var statistics = fold([
            .joined(Sample.joined(1, "a", ip: "192.0.2.1")), .joined(Sample.joined(2, "b")),
            .joined(Sample.joined(3, "a", ip: "192.0.2.3")), .joined(Sample.joined(4, nil)),
            .left(MinerLeft(key: 1)), .left(MinerLeft(key: 99)),
        ])
        let snapshot = statistics.snapshot(at: start + 2_000)
        #expect(snapshot.workers.map(\.name) == ["a", "b"])
        #expect(snapshot.workers.map(\.connections) == [1, 1])
        #expect(snapshot.workers[0].ip == "192.0.2.3")
        #expect(snapshot.minersNow == 3)
        #expect(snapshot.minersMax == 4)
    }

    @Test func aShareThatSettlesAfterItsMinerLeftCountsForItsWorker() {
        var statistics = fold([
            .joined(Sample.joined(1)), .left(MinerLeft(key: 1)), .share(Sample.accepted(1)),
        ])
        #expect(statistics.snapshot(at: start + 2_000).workers[0].accepted == 1)
    }

    @Test func theMostMinersAreThoseOfAllShardsTogether() {
        var statistics = fold(2, [.joined(Sample.joined(1)), .joined(Sample.joined(2))])
        add([.joined(Sample.joined(1))], to: &statistics, shard: 1)
        add([.left(MinerLeft(key: 1))], to: &statistics)
        add([.joined(Sample.joined(2))], to: &statistics, shard: 1)
        let snapshot = statistics.snapshot(at: start + 1_000)
        #expect(snapshot.minersNow == 3)
        #expect(snapshot.minersMax == 3)
        #expect(snapshot.shards.map(\.minersNow) == [1, 2])
        #expect(snapshot.workers[0].connections == 3)
    }

    @Test func aNewProcessDropsTheMinersButNoCounter() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1)), .checkpoint(Sample.checkpoint)])
        let before = statistics.snapshot(at: start + 1_000)
        statistics.apply(.epochBegan(second), shard: 0, at: start + 1_000)
        statistics.heard(shard: 0, at: start + 1_000)
        let snapshot = statistics.snapshot(at: start + 1_000)
        #expect(snapshot.minersNow == 0)
        #expect(snapshot.workers[0].connections == 0)
        #expect(snapshot.upstreams.total == 0)
        #expect(snapshot.results == before.results)
        #expect(snapshot.minersMax == 1)
        // The same key is another miner now; a late word of the old process does not touch it.
        add([.joined(Sample.joined(1, "other"))], to: &statistics, epoch: second)
        add([.left(MinerLeft(key: 1)), .share(Sample.accepted(1))], to: &statistics)
        let after = statistics.snapshot(at: start + 1_000)
        #expect(after.minersNow == 1)
        #expect(after.workers.map(\.connections) == [0, 1])
        #expect(after.workers.map(\.accepted) == [2, 0])
    }

    @Test func aSilentShardsMinersDoNotCountUntilItIsHeardAgain() {
        var statistics = fold([.joined(Sample.joined(1)), .checkpoint(Sample.checkpoint)])
        #expect(statistics.snapshot(at: start + 5_000).shards[0].isLive)
        let silent = statistics.snapshot(at: start + 5_001)
        #expect(!silent.shards[0].isLive)
        #expect(silent.minersNow == 0)
        #expect(silent.workers[0].connections == 0)
        #expect(silent.upstreams.total == 0)
        statistics.heard(shard: 0, at: start + 60_000)
        let back = statistics.snapshot(at: start + 60_000)
        #expect(back.shards[0].isLive)
        #expect(back.minersNow == 1)
        #expect(back.workers[0].connections == 1)
        #expect(back.upstreams == UpstreamCounts(active: 3, sleeping: 4, error: 5))
    }

    @Test func aCheckpointRepairsWhatWasNotSeenAndNeverTakesAway() {
        var checkpoint = Checkpoint()
        checkpoint.accepted = 10
        checkpoint.hashesTotal = 50_000
        var statistics = fold([.share(Sample.accepted()), .checkpoint(checkpoint)])
        #expect(statistics.snapshot(at: start).results.accepted == 10)
        #expect(statistics.snapshot(at: start).results.hashesTotal == 50_000)
        // Repaired once, not again; and a smaller count changes nothing.
        add([.checkpoint(checkpoint), .share(Sample.accepted()), .checkpoint(Checkpoint())], to: &statistics)
        #expect(statistics.snapshot(at: start).results.accepted == 11)
    }

    @Test func exactlyTheLiveMinersOfAResyncCount() {
        var statistics = fold([.joined(Sample.joined(1, "a")), .joined(Sample.joined(2, "b"))])
        let live = [Sample.joined(7, "c"), Sample.joined(2, "b"), Sample.joined(6, "d")]
        statistics.apply(.lost(Sample.epoch, 12), shard: 0, at: start)
        statistics.apply(.liveMiners(Sample.epoch, live), shard: 0, at: start)
        // What the snapshot already knew comes again in the stream.
        add([.joined(Sample.joined(7, "c")), .share(Sample.accepted(1))], to: &statistics)
        let snapshot = statistics.snapshot(at: start)
        #expect(snapshot.workers.map(\.name) == ["a", "b", "d", "c"])
        #expect(snapshot.workers.map(\.connections) == [0, 1, 1, 1])
        #expect(snapshot.workers[0].accepted == 1)
        #expect(snapshot.minersNow == 3)
        #expect(snapshot.shards[0].eventsLost == 12)
    }

    @Test func noShareCountsAsLaterThanNow() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1, at: .max))])
        let snapshot = statistics.snapshot(at: start + 2_000)
        #expect(snapshot.workers[0].lastShareAt == start + 1_000)
        #expect(snapshot.hashrates.oneMinute > 0)
    }

    @Test func newsOfUnknownShardsAndEpochsIsIgnored() {
        var statistics = fold([])
        statistics.heard(shard: 9, at: start)
        add([.share(Sample.accepted())], to: &statistics, shard: 9)
        add([.share(Sample.accepted())], to: &statistics, epoch: second)
        #expect(statistics.snapshot(at: start).results.accepted == 0)
    }
}

extension StatisticsTests {
    private func fold(_ events: [ShardEvent]) -> Statistics { fold(1, events) }
}
