import TestSupport
import Testing

@testable import Telemetry

/// The promise of the saved form, tried on random histories: a process that is killed at any moment, and another one that
/// takes up what was committed and hears again what was not, know in the end what one process would that never stopped.
struct RestoringTests {
    private static let shardCount = ShardStory.shardCount
    private static let limits = WorkerTable.Limits(rows: 8, unproven: 3, unprovenOfAddress: 2, ofAddress: 4)

    /// A collector that may be killed, and the database that it writes to.
    private struct Collector {
        var statistics: Statistics
        var stored = StoredStatistics()
        /// How much of the story the database knows.
        var committed = 0

        init() throws {
            statistics = try stored.restored(
                shardCount: shardCount, at: .init(time: Sample.start, monotonic: 0), limits: limits)
        }

        mutating func perform(_ step: ShardStory.Step, at now: Statistics.Moment) {
            switch step {
            case .hear(let news, let shard): statistics.hear(news, from: shard, at: now)
            case .look: _ = statistics.snapshot(at: now)
            case .forget(let time): statistics.forgetWorkers(unseenSince: time)
            case .replayed(let count, let shard): statistics.noteReplayed(count, shard: shard)
            }
        }

        /// One of the things that a database may do.
        mutating func commit(_ world: inout ShardStory, told: Int) {
            let positions = (0..<shardCount).map { world.position($0) }
            let works = world.generator.chance(70)
            if statistics.needsCheckpoint || world.generator.chance(30) {
                let checkpoint = statistics.takeCheckpoint(positions: positions, at: world.now)
                guard works else { return statistics.putBack(checkpoint) }
                stored.commit(checkpoint)
            } else {
                let progress = statistics.takeProgress(positions: positions)
                guard works else { return statistics.dropPendingJournal() }
                stored.commit(progress)
            }
            committed = told
        }
    }

    /// All that has to be the same; a snapshot's number is its process's own.
    private func facts(_ statistics: inout Statistics, at now: Statistics.Moment) -> Snapshot {
        var snapshot = statistics.snapshot(at: now)
        snapshot.sequence = 0
        return snapshot
    }

    /// The fields by name: a whole snapshot is too much to look at.
    private func differences(_ one: Any, _ other: Any) -> [String] {
        let pairs = zip(Mirror(reflecting: one).children, Mirror(reflecting: other).children).map { ($0, $1) }
        guard !pairs.isEmpty, pairs.count == Mirror(reflecting: other).children.count else {
            let (found, expected) = (String(reflecting: one), String(reflecting: other))
            return found == expected ? [] : ["\(found) is not \(expected)"]
        }
        return pairs.flatMap { one, other in
            differences(one.value, other.value).map { "\(one.label ?? "") \($0)" }
        }
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func aProcessThatIsKilledAtAnyMomentLosesNothing(seed: UInt64) throws {
        var world = ShardStory(seed: seed)
        var never = try Collector()
        var collector = try Collector()
        var story: [(step: ShardStory.Step, now: Statistics.Moment)] = []
        for _ in 0..<300 {
            let step = world.step()
            story.append((step, world.now))
            never.perform(step, at: world.now)
            collector.perform(step, at: world.now)
            if world.generator.chance(15) { collector.commit(&world, told: story.count) }
            guard world.generator.chance(6) else { continue }
            collector = try killed(collector, story, world)
            let found = facts(&collector.statistics, at: world.now)
            try #require(differences(found, facts(&never.statistics, at: world.now)) == [])
            story.append((.look, world.now))
        }
        // What the database and the next checkpoint hold of the history is what happened.
        collector.stored.commit(collector.statistics.takeCheckpoint(positions: [], at: world.now))
        never.stored.commit(never.statistics.takeCheckpoint(positions: [], at: world.now))
        #expect(collector.stored.history == never.stored.history)
        #expect(collector.stored.workers.mapValues(unseen) == never.stored.workers.mapValues(unseen))
        #expect(collector.stored.service.totals == never.stored.service.totals)
    }

    /// Without the moment it was last seen: while it is connected that is written down now and then. And without its
    /// windows: those that ran empty for want of shares are not written down again (that they show the same is seen above).
    private func unseen(_ worker: SavedWorker) -> SavedWorker {
        var worker = worker
        worker.lastSeenAt = 0
        worker.state = []
        return worker
    }

    /// Another process, with what the database holds; then the shards tell it the rest.
    private func killed(
        _ old: Collector, _ story: [(step: ShardStory.Step, now: Statistics.Moment)], _ world: ShardStory
    ) throws -> Collector {
        var collector = old
        let taken = old.committed
        let restoredAt = story.prefix(taken).last?.now ?? .init(time: Sample.start, monotonic: 0)
        collector.statistics = try old.stored.restored(
            shardCount: Self.shardCount, at: restoredAt, limits: Self.limits)
        #expect(collector.statistics.liveMiners() == [])
        #expect(collector.statistics.snapshot(at: restoredAt).minersNow == 0)
        // Who was live is heard again.
        var reference = try Collector()
        for entry in story.prefix(taken) { reference.perform(entry.step, at: entry.now) }
        for (number, shard) in reference.statistics.shards.enumerated() {
            if shard.isLive { collector.statistics.hear([], from: UInt16(number), at: restoredAt) }
            // The process of before has seen so many; this one's count began anew.
            collector.statistics.shards[number].replayedSeen = shard.replayedSeen
            collector.statistics.shards[number].lastHeard = shard.lastHeard
        }
        for entry in story.dropFirst(taken) { collector.perform(entry.step, at: entry.now) }
        return collector
    }

    @Test func theShardsAreAskedForWhatTheLastCommitDoesNotHold() throws {
        var collector = try Collector()
        let now = Statistics.Moment(time: Sample.start, monotonic: 0)
        #expect(collector.statistics.restoredPositions == [nil, nil, nil])
        collector.statistics.hear([.epochBegan(Sample.epoch)], from: 1, at: now)
        let first = SavedShard.Position(epoch: Sample.epoch, next: 5)
        collector.stored.commit(collector.statistics.takeCheckpoint(positions: [nil, first, nil], at: now))
        let second = SavedShard.Position(epoch: Sample.epoch, next: 9)
        collector.stored.commit(collector.statistics.takeProgress(positions: [nil, second, nil]))
        _ = collector.statistics.takeProgress(positions: [nil, .init(epoch: Sample.epoch, next: 12), nil])
        let restored = try collector.stored.restored(shardCount: 3, at: now)
        #expect(restored.restoredPositions == [nil, second, nil])
    }

    @Test func averagesGoOnOverAllStartsOfTheServiceAndUptimeDoesNot() throws {
        let hour: UInt64 = 3_600_000
        var collector = try Collector()
        func moment(_ hours: UInt64) -> Statistics.Moment {
            .init(time: Sample.start + hours * hour, monotonic: hours * hour)
        }
        collector.statistics.hear(
            [.epochBegan(Sample.epoch), .events(Sample.epoch, [.share(Sample.accepted(difficulty: 36_000))])],
            from: 0, at: moment(1))
        collector.stored.commit(collector.statistics.takeProgress(positions: []))
        // The collector alone is another process: the service has gone on.
        collector.statistics = try collector.stored.restored(shardCount: 3, at: moment(2))
        #expect(collector.statistics.snapshot(at: moment(2)).servedMilliseconds == 2 * hour)
        collector.stored.commit(collector.statistics.takeProgress(positions: []))
        // The whole service was stopped for eight hours.
        let again = Sample.start + 10 * hour
        collector.statistics = try collector.stored.restored(startedAt: again, shardCount: 3, at: moment(10))
        let snapshot = collector.statistics.snapshot(at: moment(13))
        #expect(snapshot.startedAt == again)
        #expect(snapshot.servedMilliseconds == 5 * hour)
        #expect(snapshot.hashrates.allTime == 2)
        #expect(snapshot.hashrates.oneDay == 36_000.0 / 86_400)
        // And the time between counts no more when that process is killed, too.
        collector.stored.commit(collector.statistics.takeCheckpoint(positions: [], at: moment(13)))
        collector.statistics = try collector.stored.restored(startedAt: again, shardCount: 3, at: moment(13))
        #expect(collector.statistics.snapshot(at: moment(13)).servedMilliseconds == 5 * hour)
    }

    /// What a shard that is no more has done counts in the totals. Its rows may stay in the database: they mean nothing when
    /// there are more shards again.
    @Test func theNumberOfShardsMayChange() throws {
        var collector = try Collector()
        let now = Statistics.Moment(time: Sample.start, monotonic: 0)
        let events: [ShardEvent] = [.joined(Sample.joined(1)), .share(Sample.accepted())]
        collector.statistics.hear([.epochBegan(Sample.epoch), .events(Sample.epoch, events[...])], from: 2, at: now)
        collector.stored.commit(collector.statistics.takeCheckpoint(positions: [], at: now))
        collector.statistics.hear([.events(Sample.epoch, events[1...])], from: 2, at: now)
        collector.stored.commit(collector.statistics.takeProgress(positions: []))
        for count in [1, 3, 2] {
            collector.statistics = try collector.stored.restored(shardCount: count, at: now)
            collector.statistics.forgetWorkers(unseenSince: .max)
            let snapshot = collector.statistics.snapshot(at: now)
            #expect(snapshot.results.accepted == 2)
            #expect(snapshot.shards.map(\.counters.accepted) == [UInt64](repeating: 0, count: count))
            #expect(snapshot.minersMax == 1)
            collector.stored.commit(collector.statistics.takeCheckpoint(positions: [], at: now))
        }
    }

    @Test func whoeverWasConnectedIsSeenUntilTheLastWordOfItsShard() throws {
        var collector = try Collector()
        let now = Statistics.Moment(time: Sample.start, monotonic: 0)
        let later = Statistics.Moment(time: Sample.start + 3_000, monotonic: 3_000)
        collector.statistics.hear(
            [.epochBegan(Sample.epoch), .events(Sample.epoch, [.joined(Sample.joined(1))])], from: 0, at: now)
        collector.statistics.hear([.events(Sample.epoch, [.checkpoint(Checkpoint())])], from: 0, at: later)
        collector.stored.commit(collector.statistics.takeProgress(positions: []))
        var restored = try collector.stored.restored(
            shardCount: 3, at: .init(time: Sample.start + 900_000, monotonic: 0))
        let row = restored.snapshot(at: .init(time: Sample.start + 900_000, monotonic: 0)).workers[0]
        #expect(row.connections == 0)
        #expect(row.lastSeenAt == later.time)
    }

    @Test func aNewDatabaseGetsEverything() throws {
        var collector = try Collector()
        let now = Statistics.Moment(time: Sample.start, monotonic: 0)
        collector.statistics.hear(
            [.epochBegan(Sample.epoch), .events(Sample.epoch, [.joined(Sample.joined(1))])], from: 0, at: now)
        _ = collector.statistics.takeCheckpoint(positions: [], at: now)
        #expect(collector.statistics.takeCheckpoint(positions: [], at: now).workers == [])
        collector.statistics.markAllUnsaved()
        #expect(collector.statistics.needsCheckpoint)
        #expect(collector.statistics.takeCheckpoint(positions: [], at: now).workers.map(\.name) == ["rig"])
        #expect(!collector.statistics.needsCheckpoint)
    }

    @Test func aJournalThatNobodyTakesIsBoundedAndGoesOnAfterACheckpoint() {
        var journal = PendingJournal(hasGap: false, bytesMax: 1_000)
        for _ in 0..<100 {
            journal.note(.replayed(1), shard: 0, at: 0)
            #expect(journal.byteCount <= 1_000)
        }
        #expect(journal.hasGap)
        #expect(journal.take().isEmpty)
        journal.beginAnew()
        journal.note(.fellSilent, shard: 0, at: 0)
        #expect(journal.take().count == 1)
        #expect(journal.byteCount == 0)
    }
}
