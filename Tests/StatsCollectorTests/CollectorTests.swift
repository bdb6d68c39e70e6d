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
        #expect(after.database.state == .durable && after.database.message == "")
        #expect(after.results.accepted == before.results.accepted + 1)
        #expect(after.workers[0].accepted == before.workers[0].accepted + 1)
        #expect(after.workers[0].connections == 1)
    }

    @Test func itIsReadyThenBeatsAndLeavesWhenTheLifelineIsCut() throws {
        let stage = try Stage(shards: 1)
        let deadline = stage.milliseconds() + 20_000
        var said = ""
        while !said.contains("heartbeat"), stage.milliseconds() < deadline {
            stage.loop.runOnce()
            said += stage.heardOnLifeline()
        }
        #expect(said.hasPrefix("ready\n"))
        #expect(said.contains("heartbeat\n"))
        stage.cutLifeline()
        // Returns only when every handle is closed.
        stage.loop.run()
    }
}
