import Testing

@testable import Telemetry

/// Losses, refusals, history, and workers that are forgotten.
struct WorkerLifeTests {
    private let start = Sample.start

    private func moment(_ later: UInt64 = 0) -> Statistics.Moment {
        Statistics.Moment(time: start + later, monotonic: later)
    }

    private func fold(_ events: [ShardEvent] = []) -> Statistics {
        var statistics = Statistics(startedAt: start, shardCount: 2)
        statistics.hear([.epochBegan(Sample.epoch), .events(Sample.epoch, events[...])], from: 0, at: moment())
        return statistics
    }

    private func add(_ events: [ShardEvent], to statistics: inout Statistics, at later: UInt64) {
        statistics.hear([.events(Sample.epoch, events[...])], from: 0, at: moment(later))
    }

    // MARK: - Losses

    @Test func onlyWhatIsReallyMissingMakesAWindowIncomplete() {
        var checkpoint = Checkpoint()
        checkpoint.time = start + 1_000
        checkpoint.counters.accepted = 1
        checkpoint.counters.hashesTotal = 1_000
        var statistics = fold([.share(Sample.accepted()), .checkpoint(checkpoint)])
        statistics.hear([.liveMiners(Sample.epoch, []), .lost(Sample.epoch, 0)], from: 0, at: moment(2_000))
        #expect(statistics.snapshot(at: moment(3_000)).results.lastLossAt == 0)
        checkpoint.counters.rejected = 1
        add([.checkpoint(checkpoint)], to: &statistics, at: 5_000)
        #expect(statistics.snapshot(at: moment(6_000)).results.lastLossAt == start + 1_000)
        statistics.hear([.lost(Sample.epoch, 3)], from: 0, at: moment(7_000))
        #expect(statistics.snapshot(at: moment(8_000)).results.lastLossAt == start + 7_000)
        // Nothing more was missed: the checkpoint has been paid off.
        add([.checkpoint(checkpoint)], to: &statistics, at: 9_000)
        #expect(statistics.snapshot(at: moment(10_000)).results.lastLossAt == start + 7_000)
    }

    // MARK: - Counters

    @Test func refusalsCountByReasonForTheWorkerAndForAll() {
        var statistics = fold([
            .joined(Sample.joined(1)), .share(Sample.share(.rejected, .pool)),
            .share(Sample.share(.invalid, .staleJob)), .share(Sample.share(.invalid, .staleJob)),
            .share(Sample.accepted()), .share(Sample.share(.local, .none)),
        ])
        let snapshot = statistics.snapshot(at: moment())
        #expect(Array(snapshot.results.refusals) == [0, 0, 0, 2, 0, 0, 0, 0, 1])
        #expect(Array(snapshot.workers[0].refusals) == [0, 0, 0, 2, 0, 0, 0, 0, 1])
        #expect(snapshot.results.joined == 1)
        #expect(snapshot.results.latencyCount == 1)
        #expect(snapshot.results.latencySumMilliseconds == 86)
        #expect(snapshot.results.latencyPercentiles.p99 == 86)
    }

    @Test func eachShardShowsWhatCameFromItOverAllItsLives() {
        var statistics = fold([.joined(Sample.joined(1)), .share(Sample.accepted()), .checkpoint(Sample.checkpoint)])
        statistics.hear([.epochBegan(Epoch(high: 5, low: 5))], from: 0, at: moment())
        statistics.hear(
            [.events(Epoch(high: 5, low: 5), [.share(Sample.share(.rejected, .pool))])], from: 0, at: moment())
        statistics.noteReplayed(7, shard: 0)
        statistics.noteReplayed(7, shard: 0)
        statistics.noteReplayed(9, shard: 0)
        let snapshot = statistics.snapshot(at: moment())
        #expect(snapshot.shards[0].counters.accepted == 6)
        #expect(snapshot.shards[0].counters.rejected == 8)
        #expect(snapshot.shards[0].counters.joined == 11)
        #expect(snapshot.shards[0].eventsReplayed == 9)
        #expect(snapshot.shards[1].counters == ShareCounters())
        #expect(snapshot.results.accepted == 6)
    }

    @Test func whoIsConnectedIsSeenNow() {
        var statistics = fold([.joined(Sample.joined(1))])
        #expect(statistics.snapshot(at: moment(4_000)).workers[0].lastSeenAt == start + 4_000)
        add([.left(MinerLeft(key: 1))], to: &statistics, at: 4_500)
        #expect(statistics.snapshot(at: moment(9_000)).workers[0].lastSeenAt == start + 4_500)
        add([.share(Sample.accepted(1, at: start + 5_000))], to: &statistics, at: 6_000)
        #expect(statistics.snapshot(at: moment(9_000)).workers[0].lastSeenAt == start + 5_000)
    }

    // MARK: - Forgetting

    @Test func aForgottenWorkerLeavesItsTotalsAndItsNameComesBackAsAnother() {
        var statistics = fold([
            .joined(Sample.joined(1, "a")), .share(Sample.accepted(1)), .joined(Sample.joined(2, "b")),
            .joined(Sample.joined(3, "c")), .left(MinerLeft(key: 1)),
        ])
        statistics.forgetWorkers(unseenSince: start)
        #expect(statistics.snapshot(at: moment()).workers.count == 3)
        statistics.forgetWorkers(unseenSince: start + 1)
        // A late share of the forgotten one counts in the totals and in nobody's row; those of the others in theirs.
        add([.share(Sample.accepted(1)), .share(Sample.accepted(3))], to: &statistics, at: 1_000)
        add([.joined(Sample.joined(4, "a")), .share(Sample.accepted(4))], to: &statistics, at: 2_000)
        let snapshot = statistics.snapshot(at: moment(2_000))
        #expect(snapshot.workers.map(\.name) == ["b", "c", "a"])
        #expect(snapshot.workers.map(\.id) == [1, 2, 3])
        #expect(snapshot.workers.map(\.accepted) == [0, 1, 1])
        #expect(snapshot.workers.map(\.connections) == [1, 1, 1])
        #expect(snapshot.results.accepted == 4)
        #expect(statistics.takeCheckpoint(positions: [], at: moment()).forgotten == [0])
    }

    @Test func theMinersOfASilentShardAreNotForgotten() {
        var statistics = fold([.joined(Sample.joined(1))])
        _ = statistics.snapshot(at: moment(10_000))
        statistics.forgetWorkers(unseenSince: .max)
        statistics.hear([], from: 0, at: moment(11_000))
        #expect(statistics.snapshot(at: moment(11_000)).workers.map(\.connections) == [1])
    }

    // MARK: - History

    @Test func everyShareLandsInItsOwnMinute() {
        let minute = start / 60_000 * 60
        var statistics = fold([
            .joined(Sample.joined(1)), .share(Sample.accepted(1, difficulty: 5)),
            .share(Sample.accepted(1, difficulty: 7, at: start - 60_000)), .share(Sample.accepted(99, at: .max)),
            .share(Sample.share(.rejected, .pool)), .share(Sample.share(.invalid, .staleJob)),
            .share(Sample.share(.local, .none)),
        ])
        let history = statistics.takeCheckpoint(positions: [], at: moment()).history
        let before = HistoryPoint(time: minute - 60, accepted: 1, hashes: 7)
        let all = HistoryPoint(time: minute, accepted: 2, rejected: 1, invalid: 1, hashes: 1_505)
        let own = HistoryPoint(time: minute, accepted: 2, rejected: 1, invalid: 1, hashes: 505)
        #expect(
            history == [
                .init(series: .total, point: before), .init(series: .total, point: all),
                .init(series: .shard(0), point: before), .init(series: .shard(0), point: all),
                .init(series: .worker(0), point: before), .init(series: .worker(0), point: own),
            ])
        #expect(statistics.takeCheckpoint(positions: [], at: moment()).history == [])
    }

    @Test func whatWasNotStoredIsAddedToWhatHappenedMeanwhile() {
        var deltas = HistoryDeltas()
        deltas.count(Sample.accepted(), shard: 3, worker: 7, at: start)
        let taken = deltas.take()
        deltas.count(Sample.accepted(), shard: 3, worker: 7, at: start)
        deltas.putBack(taken)
        let again = deltas.take()
        #expect(again.map(\.series) == [.total, .shard(3), .worker(7)])
        #expect(again.allSatisfy { $0.point.accepted == 2 && $0.point.hashes == 2_000 })
    }

    @Test func withoutCommitsTheHistoryOfWorkersIsBoundedAndTheTotalIsNot() {
        var deltas = HistoryDeltas(workerPointsMax: 10)
        for worker in 0..<30 as Range<UInt32> { deltas.count(Sample.accepted(), shard: 0, worker: worker, at: start) }
        deltas.count(Sample.accepted(), shard: 0, worker: 0, at: start)
        let taken = deltas.take()
        #expect(taken.count == 12)
        #expect(taken[0].point.accepted == 31)
        #expect(taken[2].point.accepted == 2)
    }
}
