import Testing

@testable import Telemetry

struct StatisticsTests {
    private let start = Sample.start
    private let second = Epoch(high: 9, low: 9)

    /// So many milliseconds after the start; the monotonic clock began at another time.
    private func moment(_ later: UInt64 = 0) -> Statistics.Moment {
        Statistics.Moment(time: start + later, monotonic: 77 + later)
    }

    private func fold(_ shards: Int = 1, _ events: [ShardEvent]) -> Statistics {
        var statistics = Statistics(startedAt: start, shardCount: shards)
        for shard in 0..<shards {
            statistics.hear([.epochBegan(Sample.epoch)], from: UInt16(shard), at: moment())
        }
        add(events, to: &statistics)
        return statistics
    }

    private func add(
        _ events: [ShardEvent], to statistics: inout Statistics, shard: UInt16 = 0, epoch: Epoch = Sample.epoch
    ) {
        statistics.hear([.events(epoch, events[...])], from: shard, at: moment(1_000))
    }

    @Test func anAcceptedShareCountsEverywhere() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1, difficulty: 6_000))])
        let snapshot = statistics.snapshot(at: moment(2_000))
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
        let snapshot = statistics.snapshot(at: moment(2_000))
        let results = snapshot.results
        #expect([results.accepted, results.rejected, results.invalid, results.expired] == [0, 1, 2, 1])
        #expect(results.hashesTotal == 0)
        #expect(results.errors == [Snapshot.ErrorLogEntry(count: 1, text: "Block expired")])
        #expect([snapshot.workers[0].rejected, snapshot.workers[0].invalid] == [1, 2])
        #expect(snapshot.workers[0].lastShareAt == 0)
        #expect(snapshot.hashrates.all.allSatisfy { $0 == 0 })
        #expect(results.latencyMilliseconds == 0)
    }

    @Test(arguments: [1, 2, 65_536] as [UInt32]) func aSumOfRefusalsCountsLikeAsManyShares(count: UInt32) {
        var sum = Sample.share(.invalid, .duplicate, expired: true)
        sum.count = count
        var summed = fold([.joined(Sample.joined(1)), .share(sum)])
        sum.count = 1
        var one = fold([.joined(Sample.joined(1))] + Array(repeating: .share(sum), count: Int(count)))
        let snapshot = summed.snapshot(at: moment(2_000))
        #expect(snapshot == one.snapshot(at: moment(2_000)))
        #expect(summed.history.take() == one.history.take())
        #expect(snapshot.results.invalid == UInt64(count) && snapshot.results.expired == UInt64(count))
        #expect(snapshot.workers[0].invalid == UInt64(count) && snapshot.workers[0].refusals[.duplicate] == count)
    }

    @Test func countersOfRefusalsStayAtTheTopOfTheirRange() {
        var counts = RefusalCounts<UInt32>()
        var sum = Sample.share(.invalid, .staleJob)
        sum.count = 65_536
        for _ in 0..<70_000 { counts.count(sum.reason, times: sum.count) }
        #expect(counts[.staleJob] == .max)
    }

    @Test func aLocalShareCountsForItsWorkerAndTheRatesOnly() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.share(.local, .none))])
        let snapshot = statistics.snapshot(at: moment(2_000))
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
        let snapshot = statistics.snapshot(at: moment(2_000))
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
        #expect(statistics.snapshot(at: moment(2_000)).workers[0].accepted == 1)
    }

    @Test func theMostMinersAreThoseOfAllShardsTogether() {
        var statistics = fold(2, [.joined(Sample.joined(1)), .joined(Sample.joined(2))])
        add([.joined(Sample.joined(1))], to: &statistics, shard: 1)
        add([.left(MinerLeft(key: 1))], to: &statistics)
        add([.joined(Sample.joined(2))], to: &statistics, shard: 1)
        let snapshot = statistics.snapshot(at: moment(1_000))
        #expect(snapshot.minersNow == 3)
        #expect(snapshot.minersMax == 3)
        #expect(snapshot.shards.map(\.minersNow) == [1, 2])
        #expect(snapshot.workers[0].connections == 3)
    }

    /// Shard 1 is absorbed by shard 0: the one tells of its miners before the other says that they are gone.
    @Test(arguments: [0, 50, 4_000] as [UInt64])
    func minersThatMoveWithTheirShardAreNoNewLoginsAndNoPeak(delay: UInt64) {
        var statistics = fold(2, [])
        for shard in [UInt16(0), 1] {
            let joined = (1...20 as ClosedRange<UInt64>).map { ShardEvent.joined(Sample.joined($0)) }
            statistics.hear([.events(Sample.epoch, joined[...])], from: shard, at: moment(1_000))
        }
        let moved = (101...120 as ClosedRange<UInt64>).map { key in
            var miner = Sample.joined(key)
            miner.hasMoved = true
            return ShardEvent.joined(miner)
        }
        statistics.hear([.events(Sample.epoch, moved[...])], from: 0, at: moment(2_000))
        // One that logs in while both shards have them.
        statistics.hear([.events(Sample.epoch, [.joined(Sample.joined(200))])], from: 0, at: moment(2_000 + delay))
        let left = (1...20 as ClosedRange<UInt64>).map { ShardEvent.left(MinerLeft(key: $0)) }
        statistics.hear([.events(Sample.epoch, left[...])], from: 1, at: moment(2_000 + delay))
        var snapshot = statistics.snapshot(at: moment(2_100 + delay))
        #expect(snapshot.minersNow == 41)
        #expect(snapshot.results.joined == 41)
        #expect(snapshot.minersMax == 40)
        // What is so when all has settled is a peak like any other.
        var checkpoint = Checkpoint()
        checkpoint.time = start + 7_001
        checkpoint.counters.joined = 21
        statistics.hear([.events(Sample.epoch, [.checkpoint(checkpoint)])], from: 0, at: moment(7_001))
        snapshot = statistics.snapshot(at: moment(7_100))
        #expect(snapshot.minersMax == 41 && snapshot.results.joined == 41)
    }

    @Test func aNewProcessDropsTheMinersButNoCounter() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1)), .checkpoint(Sample.checkpoint)])
        let before = statistics.snapshot(at: moment(1_000))
        statistics.hear([.epochBegan(second)], from: 0, at: moment(1_000))
        let snapshot = statistics.snapshot(at: moment(1_000))
        #expect(snapshot.minersNow == 0)
        #expect(snapshot.workers[0].connections == 0)
        #expect(snapshot.upstreams.total == 0)
        #expect(snapshot.results == before.results)
        #expect(snapshot.minersMax == 1)
        // The same key is another miner now; a late word of the old process does not touch it.
        add([.joined(Sample.joined(1, "other"))], to: &statistics, epoch: second)
        add([.left(MinerLeft(key: 1)), .share(Sample.accepted(1))], to: &statistics)
        let after = statistics.snapshot(at: moment(1_000))
        #expect(after.minersNow == 1)
        #expect(after.workers.map(\.connections) == [0, 1])
        #expect(after.workers.map(\.accepted) == [2, 0])
    }

    @Test func aSilentShardsMinersDoNotCountUntilItIsHeardAgain() {
        var statistics = fold([.joined(Sample.joined(1)), .checkpoint(Sample.checkpoint)])
        #expect(statistics.snapshot(at: moment(6_000)).shards[0].isLive)
        let silent = statistics.snapshot(at: moment(6_001))
        #expect(!silent.shards[0].isLive)
        #expect(silent.minersNow == 0)
        #expect(silent.workers[0].connections == 0)
        #expect(silent.upstreams.total == 0)
        statistics.hear([], from: 0, at: moment(60_000))
        let back = statistics.snapshot(at: moment(60_000))
        #expect(back.shards[0].isLive)
        #expect(back.minersNow == 1)
        #expect(back.workers[0].connections == 1)
        #expect(back.upstreams == UpstreamCounts(active: 3, sleeping: 4, error: 5))
    }

    @Test func aCheckpointRepairsWhatWasNotSeenAndNeverTakesAway() {
        var checkpoint = Checkpoint()
        checkpoint.counters.accepted = 10
        checkpoint.counters.hashesTotal = 50_000
        var statistics = fold([.share(Sample.accepted()), .checkpoint(checkpoint)])
        #expect(statistics.snapshot(at: moment()).results.accepted == 10)
        #expect(statistics.snapshot(at: moment()).results.hashesTotal == 50_000)
        // Repaired once, not again; and a smaller count changes nothing.
        add([.checkpoint(checkpoint), .share(Sample.accepted()), .checkpoint(Checkpoint())], to: &statistics)
        #expect(statistics.snapshot(at: moment()).results.accepted == 11)
    }

    @Test func workThatACheckpointRepairsShowsInTheRateOverAllTime() {
        var checkpoint = Checkpoint()
        checkpoint.counters.hashesTotal = 6_000
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted()), .checkpoint(checkpoint)])
        #expect(statistics.snapshot(at: moment(2_000)).hashrates.allTime == 3_000)
    }

    @Test func aLateCheckpointOfAFormerProcessRepairsTotalsButNotItsUpstreams() {
        var statistics = fold([])
        statistics.hear([.epochBegan(second)], from: 0, at: moment(1_000))
        add([.checkpoint(Sample.checkpoint)], to: &statistics)
        let snapshot = statistics.snapshot(at: moment(1_000))
        #expect(snapshot.results.accepted == Sample.checkpoint.counters.accepted)
        #expect(snapshot.upstreams.total == 0)
    }

    @Test func exactlyTheLiveMinersOfAResyncCount() {
        var statistics = fold([.joined(Sample.joined(1, "a")), .joined(Sample.joined(2, "b"))])
        let live = [Sample.joined(7, "c"), Sample.joined(2, "b"), Sample.joined(6, "d")]
        statistics.hear([.lost(Sample.epoch, 12), .liveMiners(Sample.epoch, live)], from: 0, at: moment())
        // What the snapshot already knew comes again in the stream.
        add([.joined(Sample.joined(7, "c")), .share(Sample.accepted(1))], to: &statistics)
        let snapshot = statistics.snapshot(at: moment())
        #expect(snapshot.workers.map(\.name) == ["a", "b", "d", "c"])
        #expect(snapshot.workers.map(\.connections) == [0, 1, 1, 1])
        #expect(snapshot.workers[0].accepted == 1)
        #expect(snapshot.minersNow == 3)
        #expect(snapshot.shards[0].eventsLost == 12)
    }

    @Test func noShareCountsAsLaterThanNow() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1, at: .max))])
        let snapshot = statistics.snapshot(at: moment(2_000))
        #expect(snapshot.workers[0].lastShareAt == start + 1_000)
        #expect(snapshot.hashrates.oneMinute > 0)
    }

    @Test func minersOfAProcessThatIsGoneAreNotCountedAgainWhenTheShardComesBack() {
        var statistics = fold(2, [.joined(Sample.joined(1)), .joined(Sample.joined(2))])
        _ = statistics.snapshot(at: moment(10_000))
        // They went to the other shard meanwhile.
        add([.joined(Sample.joined(1)), .joined(Sample.joined(2))], to: &statistics, shard: 1)
        statistics.hear([], from: 1, at: moment(11_000))
        statistics.hear([.epochBegan(second)], from: 0, at: moment(11_000))
        let snapshot = statistics.snapshot(at: moment(11_000))
        #expect(snapshot.minersNow == 2)
        #expect(snapshot.minersMax == 2)
        #expect(snapshot.shards.map(\.minersNow) == [0, 2])
    }

    @Test func theTimeOfDayMayJumpWithoutSilencingAShard() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1))])
        let hour: UInt64 = 3_600_000
        var jumped = moment(2_000)
        jumped.time = start + hour
        #expect(statistics.snapshot(at: jumped).shards[0].isLive)
        jumped.time = start - hour
        #expect(statistics.snapshot(at: jumped).shards[0].isLive)
        jumped = moment(7_000)
        jumped.time = start - hour
        #expect(!statistics.snapshot(at: jumped).shards[0].isLive)
    }

    @Test func aClockThatRanAheadLeavesNoShareInTheFuture() {
        var statistics = fold([.joined(Sample.joined(1))])
        let ahead = Statistics.Moment(time: start + 86_400_000, monotonic: 100)
        let share = ShardEvent.share(Sample.accepted(1, at: ahead.time))
        statistics.hear([.events(Sample.epoch, [share])], from: 0, at: ahead)
        #expect(statistics.snapshot(at: moment(2_000)).workers[0].lastShareAt == start + 2_000)
        add([.share(Sample.accepted(1, at: start + 900))], to: &statistics)
        let snapshot = statistics.snapshot(at: moment(3_000))
        #expect(snapshot.workers[0].lastShareAt == start + 2_000)
        #expect(snapshot.workers[0].accepted == 2)
        #expect(snapshot.hashrates.allTime == 2_000.0 / 3)
    }

    @Test func beforeTheServiceStartedThereIsNoRate() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted(1))])
        let early = Statistics.Moment(time: start - 1, monotonic: 80)
        #expect(statistics.snapshot(at: early).hashrates.allTime == 0)
        #expect(statistics.snapshot(at: early).workers[0].hashrates.allTime == 0)
    }

    /// No shard does so; a row must not keep a connection for ever if one did.
    @Test func aKeyThatJoinsTwiceCountsOnceInItsFirstRow() {
        var statistics = fold([
            .joined(Sample.joined(1, "a")), .joined(Sample.joined(1, "b")), .left(MinerLeft(key: 1)),
        ])
        let snapshot = statistics.snapshot(at: moment())
        #expect(snapshot.workers.map(\.connections) == [0])
        #expect(snapshot.minersNow == 0)
    }

    @Test func sumsStayAtTheTopOfTheirRange() {
        let huge = ShardEvent.share(Sample.accepted(1, difficulty: .max / 2))
        var checkpoint = Checkpoint()
        checkpoint.counters.hashesTotal = .max
        checkpoint.counters.accepted = .max
        var statistics = fold([.joined(Sample.joined(1)), huge, huge, huge, .checkpoint(checkpoint)])
        statistics.hear([.lost(Sample.epoch, .max), .lost(Sample.epoch, 5)], from: 0, at: moment())
        let snapshot = statistics.snapshot(at: moment(2_000))
        #expect(snapshot.results.hashesTotal == .max)
        #expect(snapshot.workers[0].hashes == .max)
        #expect(snapshot.shards[0].eventsLost == .max)
        #expect(snapshot.hashrates.all.allSatisfy { $0.isFinite && $0 > 0 })
    }

    /// An accepted share of a miner with a custom difficulty: the pool's difficulty for the totals, its own for its row.
    @Test func withACustomDifficultyTotalsAndRowsCountWhatIsTheirs() {
        var share = Sample.accepted(1, difficulty: 6_000)
        share.creditedDifficulty = 600
        var statistics = fold([.joined(Sample.joined(1)), .share(share)])
        let snapshot = statistics.snapshot(at: moment(2_000))
        #expect(snapshot.results.hashesTotal == 6_000)
        #expect(snapshot.workers[0].hashes == 600)
        #expect(snapshot.hashrates.oneMinute == 10)
        #expect(snapshot.workers[0].hashrates.oneMinute == 10)
        #expect(snapshot.hashrates.allTime == 300)
    }

    @Test func newsOfUnknownShardsAndEpochsIsIgnored() {
        var statistics = fold([])
        statistics.hear([], from: 9, at: moment())
        add([.share(Sample.accepted())], to: &statistics, shard: 9)
        add([.share(Sample.accepted())], to: &statistics, epoch: second)
        #expect(statistics.snapshot(at: moment()).results.accepted == 0)
    }
}

extension StatisticsTests {
    private func fold(_ events: [ShardEvent]) -> Statistics { fold(1, events) }
}
