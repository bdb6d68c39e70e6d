import Glibc
import Testing

@testable import DaemonKit
@testable import EventBus
@testable import EventLoop
@testable import StatsCollector
@testable import Telemetry

/// The whole collector on a loop of its own, between a shard and a gateway that the test plays.
@Suite(.serialized)
struct CollectorTests {
    private static let shareCount: UInt64 = 2_000

    @Test func whatShardsRecordReachesTheGateway() throws {
        let stage = try Stage(shards: 2)
        let publishers = try (0..<2).map { try stage.publisher(UInt16($0)) }
        for (number, publisher) in publishers.enumerated() {
            publisher.record(
                MinerJoined(key: 1, worker: "rig-\(number)", ip: "192.0.2.\(number)", agent: "XMRig/6.26.0"))
            for index in 0..<Self.shareCount {
                publisher.record(stage.share(1))
                if index % 10 == 0 { publisher.flush() }
            }
            publisher.flush()
        }
        let snapshot = try #require(try stage.snapshot(publishers) { $0.results.accepted >= 2 * Self.shareCount })
        #expect(snapshot.results.accepted == 2 * Self.shareCount)
        #expect(snapshot.results.hashesTotal == 2 * Self.shareCount * 1_000)
        #expect(snapshot.minersNow == 2)
        #expect(snapshot.workers.map(\.accepted) == [Self.shareCount, Self.shareCount])
        #expect(Set(snapshot.workers.map(\.name)) == ["rig-0", "rig-1"])
        #expect(snapshot.shards.map(\.eventsLost) == [0, 0])
        #expect(snapshot.startedAt == 1_000)
    }

    @Test func aCollectorThatStartsAnewTellsTheSameNumbers() throws {
        let stage = try Stage(shards: 1)
        let publisher = try stage.publisher(0)
        publisher.record(MinerJoined(key: 1, worker: "rig", ip: "192.0.2.1", agent: ""))
        for _ in 0..<Self.shareCount { publisher.record(stage.share(1)) }
        publisher.flush()
        let before = try #require(try stage.snapshot([publisher]) { $0.results.accepted == Self.shareCount })
        try stage.restartCollector()
        publisher.record(stage.share(1))
        publisher.flush()
        let after = try #require(try stage.snapshot([publisher]) { $0.results.accepted > Self.shareCount })
        #expect(after.results.accepted == before.results.accepted + 1)
        #expect(after.workers[0].accepted == before.workers[0].accepted + 1)
        #expect(after.workers[0].connections == 1)
    }

    @Test func itIsReadyThenBeatsAndLeavesWhenTheLifelineIsCut() throws {
        let stage = try Stage(shards: 1)
        let deadline = stage.milliseconds() + 20_000
        var said = ""
        while !said.contains("beat"), stage.milliseconds() < deadline {
            stage.loop.runOnce()
            said += stage.heardOnLifeline()
        }
        #expect(said.hasPrefix("ready\n"))
        #expect(said.contains("beat\n"))
        stage.cutLifeline()
        // Returns only when every handle is closed.
        stage.loop.run()
    }
}

/// A run directory, a loop with a collector in it, and the supervisor's end of its lifeline.
private final class Stage {
    let loop: Loop
    private let directory: String
    private let bus: BusContext
    private let gateway: SnapshotSubscriber
    private let shards: Int
    private var lifeline: Int32 = -1
    private var collector: Collector?

    init(shards: Int) throws {
        var template = Array("/tmp/millrace-col-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        directory = try #require(made)
        loop = try Loop()
        bus = try BusContext()
        gateway = try SnapshotSubscriber(bus, runDirectory: directory)
        self.shards = shards
        try startCollector()
    }

    deinit {
        cutLifeline()
        loop.run()
        let names = ["snapshots"] + (0..<shards).flatMap { ["shard-\($0).events", "shard-\($0).replay"] }
        for name in names { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }

    private func startCollector() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        lifeline = ends[0]
        _ = fcntl(lifeline, F_SETFL, O_NONBLOCK)
        let collector = try Collector(
            on: loop, lifeline: Lifeline(descriptor: ends[1]), runDirectory: directory, shardCount: shards,
            serviceStartedAt: 1_000)
        try collector.start()
        self.collector = collector
    }

    func restartCollector() throws {
        cutLifeline()
        loop.run()
        collector = nil
        try startCollector()
    }

    func cutLifeline() {
        guard lifeline >= 0 else { return }
        close(lifeline)
        lifeline = -1
    }

    func heardOnLifeline() -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(lifeline, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : ""
    }

    func publisher(_ shard: UInt16) throws -> EventPublisher {
        try EventPublisher(bus, runDirectory: directory, source: .shard(shard), epoch: .random())
    }

    func share(_ miner: MinerKey) -> ShareSettled {
        ShareSettled(
            miner: miner, time: WallClock.milliseconds(), outcome: .accepted, difficulty: 1_000,
            creditedDifficulty: 1_000, actualDifficulty: 2_000, latencyMicroseconds: 5_000)
    }

    /// The first snapshot that satisfies `wanted`, while the shards do what shards do.
    func snapshot(_ publishers: [EventPublisher], where wanted: (Snapshot) -> Bool) throws -> Snapshot? {
        let deadline = milliseconds() + 30_000
        // Keeps the loop from sleeping until its next tick.
        let pacer = Timer(on: loop) {
            for publisher in publishers {
                publisher.record(Checkpoint())
                publisher.flush()
                publisher.serveRequests { [] }
            }
        }
        pacer.start(after: 0, repeating: 20)
        defer { pacer.close() }
        while milliseconds() < deadline {
            loop.runOnce()
            let arrival = gateway.wait(orDescriptor: -1, timeoutMilliseconds: 0)
            guard case .snapshot(let snapshot) = arrival else { continue }
            if wanted(snapshot) { return snapshot }
        }
        return nil
    }

    func milliseconds() -> UInt64 { loop.nanoseconds / 1_000_000 }
}
