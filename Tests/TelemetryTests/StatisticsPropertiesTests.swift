import TestSupport
import Testing

@testable import Telemetry

/// What holds for every stream of events, tried on random ones.
struct StatisticsPropertiesTests {
    private static let seeds: Range<UInt64> = 0..<25
    private let start = Sample.start

    /// A stream as a shard sends it: miners come and go, each under one of a few names, and their shares meet every fate.
    private func stream(_ generator: inout SeededGenerator, count: Int, naming: Bool = true) -> [ShardEvent] {
        var log = ShareCounters()
        var live: [MinerKey] = []
        var joined: MinerKey = 0
        return (0..<count).map { step in
            let time = start + UInt64(step) * 100
            switch Int.random(in: 0..<20, using: &generator) {
            case 0...2:
                joined += 1
                live.append(joined)
                log.joined += 1
                return .joined(Sample.joined(joined, naming ? "rig-\(joined % 5)" : nil))
            case 3 where !live.isEmpty:
                return .left(MinerLeft(key: live.remove(at: Int.random(in: live.indices, using: &generator))))
            case 4: return .poolError(PoolError(time: time, text: "error \(step % 3)"))
            case 5:
                var checkpoint = Checkpoint()
                checkpoint.time = time
                checkpoint.counters = log
                return .checkpoint(checkpoint)
            default:
                // One that left just now may still have a share under way.
                guard joined > 0 else { return .poolError(PoolError(time: time, text: "none yet")) }
                let share = randomShare(UInt64.random(in: 1...joined, using: &generator), time, &generator)
                log.count(share)
                return .share(share)
            }
        }
    }

    private func randomShare(_ miner: MinerKey, _ time: UInt64, _ generator: inout SeededGenerator) -> ShareSettled {
        let difficulty = UInt64.random(in: 1...100_000, using: &generator)
        return ShareSettled(
            miner: miner, time: time, outcome: ShareOutcome.allCases.randomElement(using: &generator) ?? .accepted,
            isExpired: generator.chance(10), difficulty: difficulty,
            creditedDifficulty: UInt64.random(in: 1...difficulty, using: &generator),
            actualDifficulty: UInt64.random(in: 1...1_000_000, using: &generator),
            latencyMicroseconds: UInt32.random(in: 0...900_000, using: &generator))
    }

    /// The stream cut into frames of random length.
    private func frames(of events: [ShardEvent], _ generator: inout SeededGenerator) -> [BusMessage] {
        var frames: [BusMessage] = []
        var first = 0
        while first < events.count {
            let end = min(first + Int.random(in: 1...40, using: &generator), events.count)
            frames.append(.events(Sample.frame(first: UInt64(first), Array(events[first..<end]))))
            first = end
        }
        return frames
    }

    /// A collector: the gate and the fold behind it.
    private struct Receiver {
        var gate = SequenceGate(shard: 0)
        var statistics = Statistics(startedAt: Sample.start, shardCount: 1)
        let now = Statistics.Moment(time: Sample.start + 600_000, monotonic: 600_000)

        @discardableResult mutating func take(_ message: BusMessage) -> [SequenceGate.Delivery] {
            let news = gate.receive(message)
            statistics.hear(news, from: 0, at: now)
            return news
        }

        /// Without its number.
        mutating func snapshot() -> Snapshot {
            var snapshot = statistics.snapshot(at: now)
            snapshot.sequence = 0
            return snapshot
        }
    }

    private func shares(_ events: [ShardEvent], _ outcome: ShareOutcome) -> [ShareSettled] {
        events.compactMap { if case .share(let share) = $0, share.outcome == outcome { share } else { nil } }
    }

    @Test(arguments: seeds) func whatTheSnapshotSaysIsWhatTheEventsAddUpTo(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let events = stream(&generator, count: 1_500)
        var receiver = Receiver()
        for frame in frames(of: events, &generator) { receiver.take(frame) }
        let results = receiver.snapshot().results
        let accepted = shares(events, .accepted)
        #expect(results.accepted == UInt64(accepted.count))
        #expect(results.rejected == UInt64(shares(events, .rejected).count))
        #expect(results.invalid == UInt64(shares(events, .invalid).count))
        let judged = accepted + shares(events, .rejected) + shares(events, .invalid)
        #expect(results.expired == UInt64(judged.filter(\.isExpired).count))
        #expect(results.hashesTotal == accepted.reduce(0) { $0 + $1.difficulty })
        #expect(results.best == accepted.map(\.actualDifficulty).sorted(by: >).prefix(10) + [])
        let latencies = accepted.map { $0.latencyMicroseconds / 1_000 }.sorted()
        #expect(results.latencyMilliseconds == latencies[latencies.count / 2])
    }

    /// Nobody left so long ago that a late share of his finds no row: the streams are shorter than a minute times two.
    @Test(arguments: seeds) func theWorkersAddUpToTheTotals(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let events = stream(&generator, count: 600)
        var receiver = Receiver()
        for frame in frames(of: events, &generator) { receiver.take(frame) }
        let snapshot = receiver.snapshot()
        let rows = snapshot.workers
        #expect(rows.reduce(0) { $0 + $1.rejected } == snapshot.results.rejected)
        #expect(rows.reduce(0) { $0 + $1.invalid } == snapshot.results.invalid)
        let local = shares(events, .local)
        #expect(rows.reduce(0) { $0 + $1.accepted } == snapshot.results.accepted + UInt64(local.count))
        let credited = (shares(events, .accepted) + local).reduce(0) { $0 + $1.creditedDifficulty }
        #expect(rows.reduce(0) { $0 + $1.hashes } == credited)
        #expect(rows.reduce(0) { $0 + $1.connections } == snapshot.minersNow)
        for column in 0..<6 {
            let sum = rows.reduce(0) { $0 + $1.hashrates.all[column] }
            let total = snapshot.hashrates.all[column]
            #expect(abs(sum - total) <= total * 1e-9, "column \(column), seed \(seed)")
        }
    }

    @Test(arguments: seeds) func howTheStreamIsCutIntoFramesChangesNothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let events = stream(&generator, count: 500)
        var whole = Receiver()
        whole.take(.events(Sample.frame(events)))
        var cut = Receiver()
        for frame in frames(of: events, &generator) { cut.take(frame) }
        #expect(whole.snapshot() == cut.snapshot(), "seed \(seed)")
    }

    @Test(arguments: seeds) func replayingAnySuffixTwiceChangesNothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let events = stream(&generator, count: 400)
        var receiver = Receiver()
        for frame in frames(of: events, &generator) { receiver.take(frame) }
        let before = receiver.snapshot()
        for _ in 0..<2 {
            let from = Int.random(in: events.indices, using: &generator)
            let news = receiver.take(.events(Sample.frame(first: UInt64(from), Array(events[from...]))))
            #expect(news == [], "seed \(seed)")
        }
        #expect(receiver.snapshot() == before, "seed \(seed)")
    }

    @Test(arguments: seeds) func framesInAnyOrderGiveTheSameInTheEnd(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let events = stream(&generator, count: 500)
        var inOrder = Receiver()
        inOrder.take(.events(Sample.frame(events)))
        var shuffled = Receiver()
        for frame in frames(of: events, &generator).shuffled(using: &generator) { shuffled.take(frame) }
        #expect(shuffled.snapshot() == inOrder.snapshot(), "seed \(seed)")
    }

    /// Whatever a shard has lost, however often it is another process, and whoever is silent.
    @Test(arguments: seeds) func noTotalEverGoesDown(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var statistics = Statistics(startedAt: start, shardCount: 2)
        var before = statistics.snapshot(at: Statistics.Moment(time: start, monotonic: 0))
        var epochs = [Epoch.unknown, .unknown]
        for step in 0..<60 as Range<UInt64> {
            let shard = UInt16.random(in: 0...1, using: &generator)
            let isNew = epochs[Int(shard)] == .unknown || generator.chance(10)
            if isNew { epochs[Int(shard)] = Epoch(high: 1, low: step) }
            let epoch = epochs[Int(shard)]
            let news: [SequenceGate.Delivery] =
                switch Int.random(in: 0..<6, using: &generator) {
                case _ where isNew: [.epochBegan(epoch)]
                case 1: [.lost(epoch, 9), .liveMiners(epoch, [Sample.joined(step)])]
                default: [.events(epoch, stream(&generator, count: 20)[...])]
                }
            let now = Statistics.Moment(time: start + step * 900, monotonic: step * 900)
            statistics.hear(news, from: shard, at: now)
            let after = statistics.snapshot(at: now)
            let pairs = [
                (before.results.accepted, after.results.accepted),
                (before.results.rejected, after.results.rejected),
                (before.results.invalid, after.results.invalid), (before.results.expired, after.results.expired),
                (before.results.hashesTotal, after.results.hashesTotal),
                (UInt64(before.minersMax), UInt64(after.minersMax)),
            ]
            #expect(pairs.allSatisfy { $0 <= $1 }, "seed \(seed), step \(step)")
            #expect(after.minersNow <= after.minersMax)
            #expect(after.workers.reduce(0) { $0 + $1.connections } == after.minersNow)
            #expect(after.shards.reduce(0) { $0 + $1.minersNow } == after.minersNow)
            before = after
        }
    }

    /// 2 kB is the promise; what a row holds does not depend on how much it has counted.
    @Test func aRowTakesTheSameMemoryAfterADayOfWork() {
        var table = WorkerTable()
        let row = table.index(of: String(repeating: "w", count: MinerJoined.workerBytesMax))
        #expect(table.rows[row].heapBytes == 0)
        table.settle(Sample.accepted(), row, at: start)
        #expect((1..<300).contains(table.rows[row].heapBytes))
        func mine(from first: UInt64, to end: UInt64) {
            for second in stride(from: first, to: end, by: 3) as StrideTo<UInt64> {
                table.settle(Sample.accepted(), row, at: start + second * 1_000)
            }
        }
        mine(from: 0, to: 100_000)
        let after = table.rows[row].heapBytes
        mine(from: 100_000, to: 200_000)
        #expect(table.rows[row].heapBytes == after)
        // The name is stored once and referred to twice; 32 bytes of head for each thing in the heap.
        let texts = MinerJoined.workerBytesMax + MinerJoined.ipBytesMax + 2 * 32
        #expect(MemoryLayout<WorkerTable.Row>.stride + texts + after + 32 + 64 < 2_048)
        #expect(MemoryLayout<ShardMiners.Live>.stride + MemoryLayout<MinerKey>.stride == 48)
    }
}
