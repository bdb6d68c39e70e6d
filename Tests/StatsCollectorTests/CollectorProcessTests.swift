import Archive
import Configuration
import EventBus
import Foundation
import GRDB
import Glibc
import Telemetry
import TestSupport
import Testing

/// The program itself is killed, as often as it likes, while two shards go on.
@Suite(.serialized)
struct CollectorProcessTests {
    @Test func killedInTheMiddleOfItAllItKnowsEveryShareAfterwards() throws {
        let farm = try Farm()
        var collector = try CollectorProcess(farm.settings, serviceStartedAt: farm.startedAt)
        // Three times at moments that know nothing of its commits.
        for milliseconds in [2_700, 1_900, 3_300] {
            farm.work(milliseconds: milliseconds)
            #expect(collector.end(with: SIGKILL) == -SIGKILL)
            farm.work(milliseconds: 300)
            collector = try CollectorProcess(farm.settings, serviceStartedAt: farm.startedAt)
        }
        let before = try #require(farm.snapshot { $0.results.accepted >= farm.shares })
        farm.expectExact(before)
        // The history is in the file since the last checkpoint; that comes with the quiet.
        #expect(farm.settle { farm.sum("worker") == farm.shares && farm.sum("service") == farm.shares })

        // The whole service starts anew: other shards, another beginning.
        #expect(collector.end(with: SIGTERM) == 0)
        try farm.replaceShards()
        collector = try CollectorProcess(farm.settings, serviceStartedAt: farm.startedAt + 1)
        let after = try #require(farm.snapshot { $0.startedAt > farm.startedAt && $0.shards.allSatisfy(\.isLive) })
        farm.expectExact(after)
        #expect(after.startedAt == farm.startedAt + 1)
        #expect(after.hashrates.oneDay == Double(farm.shares) * 1_000 / 86_400, "no window begins at zero")
        #expect(after.workers.map(\.id).sorted() == before.workers.map(\.id).sorted())
        let history = HistoryReader(path: farm.settings.database)
        let now = UInt64(Date().timeIntervalSince1970)
        for (series, count) in [(HistorySeries.total, farm.shares), (.shard(1), farm.shares / 2)] {
            let points = try history.points(of: series, from: now - 3_600, to: now + 60, step: 60)
            #expect(points.reduce(0) { $0 + $1.accepted } == count)
        }
        let worker = try #require(try history.workerID(named: "rig-3"))
        let points = try history.points(of: .worker(worker), from: now - 3_600, to: now + 60, step: 60)
        #expect(points.reduce(0) { $0 + $1.accepted } == after.workers.first { $0.name == "rig-3" }?.accepted)
        #expect(collector.end(with: SIGTERM) == 0)
    }

    /// Only root may mount a disk that is small enough to be filled.
    @Test(.enabled(if: geteuid() == 0)) func aFullDiskStopsNothingAndCostsNothing() throws {
        guard let disk = SmallDisk("512k") else { return }
        let farm = try Farm(database: disk.path + "/statistics.sqlite")
        var collector = try CollectorProcess(farm.settings, serviceStartedAt: farm.startedAt)
        farm.work(milliseconds: 500)
        #expect(farm.snapshot { $0.results.accepted == farm.shares && $0.database.state == .durable } != nil)

        disk.fill()
        farm.work(milliseconds: 2_000)
        let full = try #require(farm.snapshot { $0.database.state == .failing })
        #expect(full.database.message.contains("full"))
        #expect(farm.snapshot { $0.results.accepted == farm.shares } != nil, "live statistics go on")

        disk.empty()
        farm.work(milliseconds: 500)
        #expect(farm.snapshot { $0.database.state == .durable } != nil)
        #expect(collector.end(with: SIGKILL) == -SIGKILL)
        collector = try CollectorProcess(farm.settings, serviceStartedAt: farm.startedAt)
        farm.expectExact(try #require(farm.snapshot { $0.results.accepted >= farm.shares }))
        #expect(collector.end(with: SIGTERM) == 0)
    }
}

/// Two shards with a hundred miners, and a gateway that looks.
private final class Farm {
    private(set) var settings = Settings()
    let startedAt: UInt64
    /// All that were ever recorded.
    private(set) var shares: UInt64 = 0
    private let scratch = Scratch()
    private let bus: BusContext
    private let gateway: SnapshotSubscriber
    private var publishers: [EventPublisher] = []

    /// - Parameter database: nil = beside the sockets, in a directory that is not there yet.
    init(database: String? = nil) throws {
        settings.runDirectory = scratch.path
        settings.database = database ?? scratch.path + "/state/statistics.sqlite"
        settings.shards = 2
        startedAt = UInt64(Date().timeIntervalSince1970 * 1_000)
        bus = try BusContext()
        gateway = try SnapshotSubscriber(bus, runDirectory: scratch.path)
        try replaceShards()
    }

    func replaceShards() throws {
        for publisher in publishers { publisher.close() }
        publishers = try (0..<2).map { number in
            try EventPublisher(bus, runDirectory: scratch.path, source: .shard(UInt16(number)), epoch: .random())
        }
        for (number, publisher) in publishers.enumerated() {
            for key in UInt64(1)...50 {
                publisher.record(MinerJoined(key: key, worker: "rig-\(key % 10)", ip: "192.0.2.\(number)", agent: ""))
            }
        }
    }

    /// A thousand shares a second.
    func work(milliseconds: Int) {
        for _ in 0..<milliseconds / 10 {
            for publisher in publishers {
                for _ in 0..<5 { publisher.record(share(shares % 50 + 1)) }
                shares += 5
            }
            turn()
            usleep(10_000)
        }
    }

    private func share(_ miner: MinerKey) -> ShareSettled {
        ShareSettled(
            miner: miner, time: UInt64(Date().timeIntervalSince1970 * 1_000), outcome: .accepted, difficulty: 1_000,
            creditedDifficulty: 1_000, actualDifficulty: 2_000, latencyMicroseconds: 5_000)
    }

    /// What a shard does all the time.
    private func turn() {
        for publisher in publishers {
            publisher.flush()
            publisher.serveRequests { [] }
        }
    }

    func settle(_ isSo: () -> Bool) -> Bool {
        eventually(within: 30) {
            turn()
            return isSo()
        }
    }

    func snapshot(where wanted: (Snapshot) -> Bool) -> Snapshot? {
        var found: Snapshot?
        // What a collector before this one has said says nothing about this one.
        while case .snapshot = gateway.wait(orDescriptor: -1, timeoutMilliseconds: 0) {}
        _ = settle {
            for publisher in publishers { publisher.record(Checkpoint()) }
            guard case .snapshot(let snapshot) = gateway.wait(orDescriptor: -1, timeoutMilliseconds: 0) else {
                return false
            }
            if wanted(snapshot) { found = snapshot }
            return found != nil
        }
        return found
    }

    func sum(_ table: String) -> UInt64? {
        var configuration = Configuration()
        configuration.readonly = true
        let database = try? DatabaseQueue(path: settings.database, configuration: configuration)
        return try? database?.read { try UInt64.fetchOne($0, sql: "SELECT sum(accepted) FROM \(table)") }
    }

    func expectExact(_ snapshot: Snapshot, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(snapshot.results.accepted == shares, sourceLocation: sourceLocation)
        #expect(snapshot.results.hashesTotal == shares * 1_000, sourceLocation: sourceLocation)
        #expect(snapshot.workers.reduce(0) { $0 + $1.accepted } == shares, sourceLocation: sourceLocation)
        #expect(snapshot.workers.count == 10, sourceLocation: sourceLocation)
        #expect(snapshot.shards.map(\.eventsLost) == [0, 0], sourceLocation: sourceLocation)
        #expect(snapshot.database.state == .durable, sourceLocation: sourceLocation)
    }
}
