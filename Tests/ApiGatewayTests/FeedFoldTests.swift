import ApiFixtures
import Telemetry
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// What the gateway makes of the news that the gate lets through; the gate itself is the bus's.
@Suite struct FeedFoldTests {
    private typealias Told = (name: String, id: String?)

    private var fold = FeedFold(ring: EventRing())
    private var gate = SequenceGate(shard: EventSource.collector.number)
    private var client: EventCursor

    init() { client = EventCursor(fold.ring, .everything, after: nil, at: 0) }

    private mutating func receive(_ message: BusMessage) {
        fold.apply(gate.receive(message), position: gate.position)
    }

    private mutating func receive(_ events: [ShardEvent], from first: UInt64, of epoch: Epoch = Stream.epoch) {
        receive(.events(EventFrame(shard: gate.shard, epoch: epoch, first: first, events: events)))
    }

    private mutating func live(_ miners: [MinerJoined], from: UInt64, of epoch: Epoch = Stream.epoch) {
        receive(.liveMiners(LiveMiners(shard: gate.shard, epoch: epoch, from: from, miners: miners)))
    }

    /// "share 7" for each event since the last time.
    private mutating func told() -> [String] {
        client.readAll().told.map { event in
            guard let id = event.id else { return event.name }
            let life = id.hasPrefix(Stream.epochText) ? "" : "later "
            return "\(event.name) \(life)\(id.split(separator: "-")[1])"
        }
    }

    @Test mutating func eventsKeepTheirNumbersAndSharesGetTheNameOfTheirMiner() {
        receive(
            [.joined(Stream.joined(1, "a", shard: 3)), .share(Stream.share(1)), .checkpoint(Checkpoint())], from: 0)
        receive([.left(MinerLeft(key: 1)), .share(Stream.share(1))], from: 3)
        let events = client.readAll().events
        #expect(events.map(\.id) == ["0", "1", "3", "4"].map { "\(Stream.epochText)-\($0)" })
        #expect(events.map { $0.object["worker"] as? String } == ["a", "a", "a", nil])
        #expect(events.map { $0["shard"] } == [3, 3, 3, nil])
    }

    @Test mutating func rowsFollowJoinsAndLeavesAndGauges() {
        receive([.joined(Stream.joined(9)), .joined(Stream.joined(2)), .joined(Stream.joined(5))], from: 0)
        fold.update([MinerGauge(key: 5, sentBytes: 7, receivedBytes: 8, difficulty: 9)])
        fold.update([MinerGauge(key: 77, sentBytes: 7, receivedBytes: 8, difficulty: 9)])
        receive([.left(MinerLeft(key: 2)), .left(MinerLeft(key: 3))], from: 3)
        #expect(fold.miners.hasChanged)
        #expect(
            fold.currentRows() == [
                MinerRow(miner: Stream.joined(5), sentBytes: 7, receivedBytes: 8, difficulty: 9),
                MinerRow(miner: Stream.joined(9)),
            ])
        #expect(!fold.miners.hasChanged)
        fold.update([MinerGauge(key: 5, sentBytes: 7, receivedBytes: 8, difficulty: 9)])
        #expect(!fold.miners.hasChanged)
        fold.update([MinerGauge(key: 5, sentBytes: 8, receivedBytes: 8, difficulty: 9)])
        #expect(fold.miners.hasChanged)
    }

    @Test mutating func aGatewayThatComesLateKnowsWhoIsThereAndNumbersWhatFollows() {
        live([Stream.joined(4), Stream.joined(6)], from: 1_000)
        receive([.share(Stream.share(4)), .joined(Stream.joined(7))], from: 1_000)
        #expect(told() == ["share 1000", "joined 1001"])
        #expect(fold.currentRows().map(\.id) == [4, 6, 7])
    }

    @Test mutating func whatWaitedBehindAGapIsNumberedToo() {
        receive([.share(Stream.share(1))], from: 1_005)
        live([], from: 1_000)
        receive([.share(Stream.share(1)), .share(Stream.share(1))], from: 1_000)
        receive([.share(Stream.share(1)), .share(Stream.share(1)), .share(Stream.share(1))], from: 1_002)
        #expect(told() == (1_000...1_005).map { "share \($0)" })
    }

    @Test mutating func whatIsLostIsToldWhereItIsMissing() {
        receive([.share(Stream.share(1))], from: 0)
        live([Stream.joined(3)], from: 10)
        receive([.share(Stream.share(3))], from: 10)
        let events = client.readAll().events
        #expect(events.map(\.name) == ["share", "gap", "share"])
        #expect(events[1]["missed"] == 9)
        #expect(events[2].id == "\(Stream.epochText)-10")
        #expect(fold.currentRows().map(\.id) == [3])
    }

    @Test mutating func aNewCollectorIsAGapAndItsKeysAreOthers() {
        receive([.joined(Stream.joined(1, "old")), .share(Stream.share(1))], from: 0)
        // What the gate says once somebody else has answered, and the former one's last word was not heard.
        let first: [ShardEvent] = [.share(Stream.share(1)), .joined(Stream.joined(1, "new"))]
        fold.apply(
            [.lost(Stream.epoch, 0), .epochBegan(Stream.later), .events(Stream.later, first[...])],
            position: (Stream.later, 2))
        let events = client.readAll().events
        #expect(events.map(\.name) == ["joined", "share", "gap", "share", "joined"])
        #expect(events[2].data == #"{"missed":null}"#)
        #expect(events[3].object["worker"] is String == false)
        // Late news of the former one.
        let late: [ShardEvent] = [.share(Stream.share(1)), .left(MinerLeft(key: 1))]
        fold.apply([.events(Stream.epoch, late[...])], position: (Stream.later, 2))
        #expect(told() == ["share 2", "left 3"])
        #expect(fold.currentRows().map(\.miner.worker) == ["new"])
        // And of this one.
        fold.apply([.events(Stream.later, first[..<1])], position: (Stream.later, 3))
        #expect(told() == ["share later 2"])
    }

    @Test mutating func itIsResumableAcrossGatewaysOfOneCollector() {
        for first in stride(from: UInt64(0), to: 100, by: 5) {
            receive((0..<5).map { _ in .share(Stream.share(1)) }, from: first)
        }
        var successor = FeedFoldTests()
        successor.live([], from: 50)
        for first in stride(from: UInt64(50), to: 100, by: 10) {
            successor.receive((0..<10).map { _ in .share(Stream.share(1)) }, from: first)
        }
        for last in 50..<99 as Range<UInt64> {
            var before = EventCursor(fold.ring, .everything, after: Stream.id(last), at: 0)
            var after = EventCursor(successor.fold.ring, .everything, after: Stream.id(last), at: 0)
            #expect(before.readAll().events.map(\.id) == after.readAll().events.map(\.id))
        }
        var tooLate = EventCursor(successor.fold.ring, .everything, after: Stream.id(39), at: 0)
        #expect(tooLate.readAll().events.first?["missed"] == 10)
    }
}
