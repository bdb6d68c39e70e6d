import EventLoop
import Foundation
import GRDB
import Glibc
import Testing

@testable import Archive
@testable import EventBus
@testable import EventLoop
@testable import StatsCollector
@testable import Telemetry

/// The collector and its file.
@Suite(.serialized)
struct PersistenceTests {
    /// Waits while the collector commits.
    private var patient: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        return configuration
    }

    private func sql<Result>(_ stage: Stage, _ body: (Database) throws -> Result) throws -> Result {
        let database = try DatabaseQueue(path: stage.database, configuration: patient)
        defer { try? database.close() }
        return try database.inDatabase(body)
    }

    /// Shares of both shards, a new miner with each hundred.
    private func work(_ stage: Stage, _ publishers: [EventPublisher], _ shares: Range<UInt64>) {
        for index in shares {
            let publisher = publishers[Int(index) % publishers.count]
            if index % 100 < UInt64(publishers.count) {
                publisher.record(
                    MinerJoined(key: index / 100 + 1, worker: "rig-\(index / 100 % 7)", ip: "192.0.2.1", agent: ""))
            }
            publisher.record(stage.share(index / 100 + 1))
            if index % 50 == 0 { publisher.flush() }
        }
        for publisher in publishers { publisher.flush() }
    }

    @Test func stoppingAndStartingAtAnyTimeNeitherLosesNorDoubles() throws {
        let stage = try Stage(shards: 2)
        let publishers = try (0..<2).map { try stage.publisher(UInt16($0)) }
        var done: UInt64 = 0
        for round in UInt64(1)...6 {
            work(stage, publishers, done..<round * 1_000)
            done = round * 1_000
            // Now and then some of it has arrived, now and then all.
            if round % 2 == 0 { _ = try stage.snapshot(publishers) { $0.results.accepted >= done - 500 } }
            try stage.restartCollector()
        }
        let snapshot = try #require(
            try stage.snapshot(publishers) { $0.results.accepted >= done && $0.minersNow == 120 })
        #expect(snapshot.results.accepted == done)
        #expect(snapshot.results.hashesTotal == done * 1_000)
        #expect(snapshot.workers.reduce(0) { $0 + $1.accepted } == done && snapshot.workers.count == 7)
        #expect(snapshot.shards.map(\.eventsLost) == [0, 0])
        #expect(snapshot.hashrates.oneDay > 0)
        stage.stopCollector()
        let sums = try sql(stage) { db in
            try ["service", "shard", "worker"].map { try UInt64.fetchOne(db, sql: "SELECT sum(accepted) FROM \($0)") }
        }
        #expect(sums == [done, done, done])
        let now = UInt64(Date().timeIntervalSince1970)
        let history = HistoryReader(path: stage.database)
        for series in [HistorySeries.total, .shard(0)] {
            let points = try history.points(of: series, from: now - 600, to: now + 60, step: 60)
            #expect(points.reduce(0) { $0 + $1.accepted } == (series == .total ? done : done / 2))
        }
    }

    @Test func aShardIsToldWhatItNeedNotKeepAnyMore() throws {
        let stage = try Stage(shards: 1)
        let publisher = try stage.publisher(0)
        work(stage, [publisher], 0..<20_000)
        #expect(publisher.oldestSequence == 0)
        let snapshot = try stage.snapshot([publisher]) { _ in publisher.oldestSequence > 10_000 }
        #expect(try #require(snapshot).database.committedAt > 0)
    }

    @Test func whileItCannotBeWrittenNothingIsAcknowledgedAndAfterwardsNothingIsMissing() throws {
        let stage = try Stage(shards: 1)
        let publisher = try stage.publisher(0)
        work(stage, [publisher], 0..<1_000)
        _ = try stage.snapshot([publisher]) { $0.database.committedAt > 0 && $0.results.accepted == 1_000 }
        var configuration = patient
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: stage.database, configuration: configuration)
        try other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
        work(stage, [publisher], 1_000..<30_000)
        let failing = try #require(try stage.snapshot([publisher]) { $0.database.state == .failing })
        #expect(failing.results.accepted == 30_000, "live statistics go on")
        #expect(failing.database.message == "database is locked (SQLite error 5)")
        let oldest = publisher.oldestSequence
        #expect(oldest <= 1_200)
        try other.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") }
        try other.close()
        let well = try #require(try stage.snapshot([publisher]) { $0.database.state == .durable })
        #expect(well.database.message == "")
        try stage.restartCollector()
        let again = try #require(try stage.snapshot([publisher]) { $0.shards[0].isLive })
        #expect(again.results.accepted == 30_000 && again.workers.reduce(0) { $0 + $1.accepted } == 30_000)
    }

    @Test func aFileThatVanishesIsWrittenAnewAndWhole() throws {
        let stage = try Stage(shards: 1)
        let publisher = try stage.publisher(0)
        work(stage, [publisher], 0..<2_000)
        _ = try stage.snapshot([publisher]) { $0.database.committedAt > 0 && $0.results.accepted == 2_000 }
        for suffix in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: stage.database + suffix) }
        let told = try #require(try stage.snapshot([publisher]) { $0.database.message.hasSuffix("was created") })
        #expect(told.results.accepted == 2_000)
        _ = try stage.snapshot([publisher]) { $0.database.state == .durable }
        try stage.restartCollector()
        let after = try #require(try stage.snapshot([publisher]) { $0.shards[0].isLive })
        #expect(after.results.accepted == 2_000 && after.workers.reduce(0) { $0 + $1.accepted } == 2_000)
    }

    @Test func aDamagedFileIsSetAsideAndSaidSo() throws {
        let stage = try Stage(shards: 1)
        stage.stopCollector()
        let file = try #require(FileHandle(forUpdatingAtPath: stage.database))
        try file.write(contentsOf: Data(repeating: 0x55, count: 4_096))
        try file.close()
        try stage.startCollector()
        let snapshot = try #require(try stage.snapshot([]) { $0.database.state == .durable })
        #expect(snapshot.database.message.contains(stage.database + ".damaged-"))
        let names = try FileManager.default.contentsOfDirectory(atPath: stage.directory)
        #expect(names.contains { $0.hasPrefix("statistics.sqlite.damaged-") })
    }

    /// SQLite cannot know that these bytes are not ours.
    @Test func aStateThatCannotBeReadIsDamageToo() throws {
        let stage = try Stage(shards: 1)
        stage.stopCollector()
        try sql(stage) { db in
            try db.execute(sql: "DELETE FROM journal; UPDATE service SET state = x'01FFFFFFFFFFFFFFFFFFFFFFFF'")
        }
        try stage.startCollector()
        let snapshot = try #require(try stage.snapshot([]) { $0.database.state == .durable })
        #expect(snapshot.database.message.contains(".damaged-"))
    }

    @Test(arguments: ["INSERT INTO grdb_migrations VALUES ('99')", "UPDATE service SET state = x'63'"])
    func aNewerFileIsRefusedAndLiveStatisticsGoOn(_ change: String) throws {
        let stage = try Stage(shards: 1)
        stage.stopCollector()
        try sql(stage) { try $0.execute(sql: change) }
        let before = try Data(contentsOf: URL(filePath: stage.database))
        try stage.startCollector()
        let publisher = try stage.publisher(0)
        work(stage, [publisher], 0..<100)
        let snapshot = try #require(try stage.snapshot([publisher]) { $0.results.accepted == 100 })
        #expect(snapshot.database.state == .off && snapshot.database.committedAt == 0)
        #expect(snapshot.database.message.hasPrefix(stage.database))
        #expect(publisher.oldestSequence == 0)
        stage.stopCollector()
        #expect(try Data(contentsOf: URL(filePath: stage.database)) == before)
    }

    @Test func aPlaceThatIsFreeAgainIsUsedByTheNextProcess() throws {
        let stage = try Stage(shards: 1)
        let publisher = try stage.publisher(0)
        work(stage, [publisher], 0..<500)
        _ = try stage.snapshot([publisher]) { $0.results.accepted == 500 }
        stage.stopCollector()
        let other = Archive(path: stage.database, historyDays: 30)
        _ = try other.open(at: 0)
        try stage.startCollector()
        let off = try #require(try stage.snapshot([publisher]) { $0.shards[0].isLive })
        #expect(off.database.state == .off && off.database.message.contains("in use by another collector"))
        other.close(waitMilliseconds: 10_000)
        // It leaves by itself, in good order: then no handle is left.
        stage.loop.run()
        try stage.startCollector()
        work(stage, [publisher], 500..<600)
        let well = try #require(try stage.snapshot([publisher]) { $0.results.accepted >= 600 })
        #expect(well.results.accepted == 600 && well.database.state == .durable)
    }

    @Test func gatewaysFollowOneStreamOfAllShards() throws {
        let stage = try Stage(shards: 2)
        let publishers = try (0..<2).map { try stage.publisher(UInt16($0)) }
        let early = try EventSubscriber(stage.bus, runDirectory: stage.directory, source: .collector)
        var events: [ShardEvent] = []
        func follow(_ subscriber: EventSubscriber) {
            subscriber.receive(at: stage.milliseconds()) { news in
                for case .events(_, let more) in news { events += more }
            }
        }
        _ = try stage.snapshot(publishers, also: { follow(early) }, where: { $0.shards.allSatisfy(\.isLive) })
        work(stage, publishers, 0..<1_000)
        _ = try stage.snapshot(publishers, also: { follow(early) }, where: { _ in events.count >= 1_020 })
        let joined = events.compactMap { if case .joined(let miner) = $0 { miner } else { nil } }
        let shares = events.compactMap { if case .share(let share) = $0 { share } else { nil } }
        #expect(joined.count == 20 && Set(joined.map(\.key)).count == 20 && Set(joined.map(\.shard)) == [0, 1])
        #expect(shares.count == 1_000 && Set(shares.map(\.miner)) == Set(joined.map(\.key)))
        early.close()

        // The collector of tomorrow tells a gateway that comes late who is there.
        try stage.restartCollector()
        _ = try stage.snapshot(publishers) { $0.minersNow == 20 }
        let late = try EventSubscriber(stage.bus, runDirectory: stage.directory, source: .collector)
        defer { late.close() }
        var live: [MinerJoined] = []
        _ = try stage.snapshot(
            publishers,
            also: {
                late.receive(at: stage.milliseconds()) { news in
                    for item in news {
                        switch item {
                        case .liveMiners(_, let miners): live += miners
                        case .events(_, let more):
                            live += more.compactMap { if case .joined(let miner) = $0 { miner } else { nil } }
                        case .epochBegan, .lost: break
                        }
                    }
                }
            }, where: { _ in live.count >= 20 })
        #expect(live.count == 20 && Set(live.map(\.worker)).count == 7)
    }
}
