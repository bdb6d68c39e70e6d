import TestSupport
import Testing

@testable import EventBus
@testable import Telemetry

/// Both ends of the first hop over real sockets.
struct ShardStreamTests {
    private let directory = Scratch()
    private let context: BusContext

    init() throws {
        context = try BusContext()
    }

    private func publisher(_ epoch: Epoch = .random(), logBytesMax: Int = 1 << 20) throws -> EventPublisher {
        try EventPublisher(
            context, runDirectory: directory.path, source: .shard(0), epoch: epoch, logBytesMax: logBytesMax)
    }

    private func subscriber() throws -> EventSubscriber {
        try EventSubscriber(context, runDirectory: directory.path, source: .shard(0))
    }

    @Test func aLateSubscriberGetsEverythingByReplay() throws {
        let publisher = try publisher()
        for number in 0..<5_000 as Range<UInt64> {
            publisher.record(share(number))
            if number % 50 == 0 { publisher.flush() }
        }
        publisher.flush()
        let subscriber = try subscriber()
        var harness = Harness()
        #expect(harness.turn(subscriber, publisher) { $0.shares.count == 5_000 })
        #expect(harness.shares == Array(0..<5_000))
        #expect(harness.lost == 0)
        // And from now on the live stream.
        publisher.record(share(5_000))
        publisher.flush()
        #expect(harness.turn(subscriber, publisher) { $0.shares.count == 5_001 })
    }

    @Test func aSubscriberMayComeBeforeTheShard() throws {
        let subscriber = try subscriber()
        var harness = Harness()
        #expect(subscriber.isBehind)
        _ = harness.turn(subscriber, nil) { _ in true }
        let publisher = try publisher()
        publisher.record(joined(1))
        publisher.record(share(1))
        publisher.flush()
        #expect(harness.turn(subscriber, publisher) { $0.shares == [1] })
    }

    @Test func anotherProcessAtTheSameAddressIsFollowed() throws {
        let subscriber = try subscriber()
        var harness = Harness()
        var first: EventPublisher? = try publisher(Epoch(high: 1, low: 1))
        first?.record(share(1))
        first?.flush()
        #expect(harness.turn(subscriber, first) { $0.shares == [1] })
        first?.close()
        first = nil
        let second = try publisher(Epoch(high: 2, low: 2))
        second.record(share(2))
        second.flush()
        #expect(harness.turn(subscriber, second) { $0.shares == [1, 2] })
        #expect(subscriber.position?.epoch == Epoch(high: 2, low: 2))
        #expect(harness.lost == 0)
    }

    @Test func gaugesComeBesideTheStreamAndOnlyThoseOfThePresentProcess() throws {
        let (known, unknown) = (Epoch(high: 1, low: 1), Epoch(high: 2, low: 2))
        let stranger = try BusSocket(context, .publish, queuedMessagesMax: 100)
        try stranger.bind(.events(.shard(0), runDirectory: directory.path))
        let subscriber = try subscriber()
        func gauges(_ epoch: Epoch, _ time: UInt64) -> [UInt8] {
            BusMessage.gauges(ShardGauges(shard: 0, epoch: epoch, time: time)).encoded()
        }
        let events = BusMessage.events(
            EventFrame(shard: 0, epoch: known, first: 0, events: [.share(share(1))])
        ).encoded()
        var harness = Harness()
        // Of a process that nothing is known of yet, and of the one that is.
        let isHeard = harness.turn(subscriber, nil) { harness in
            stranger.send(gauges(unknown, 1))
            stranger.send(gauges(known, 2))
            stranger.send(events)
            return harness.gauges.count > 1
        }
        #expect(isHeard)
        #expect(harness.gauges.allSatisfy { $0.epoch == known && $0.time == 2 })
        #expect(harness.shares == [1])
    }

    @Test func aPublisherFillsInWhoseItsGaugesAre() throws {
        let (publisher, subscriber) = (try publisher(), try subscriber())
        publisher.record(share(1))
        publisher.flush()
        var harness = Harness()
        #expect(
            harness.turn(subscriber, publisher) { harness in
                publisher.publish(ShardGauges(shard: 9, epoch: .unknown, time: 3))
                return !harness.gauges.isEmpty
            })
        #expect(harness.gauges.first == ShardGauges(shard: 0, epoch: publisher.epoch, time: 3))
        #expect(publisher.nextSequence < 100)
    }

    @Test func whatOverflowsTheQueuesIsReplayed() throws {
        let publisher = try publisher(logBytesMax: 4 << 20)
        let subscriber = try subscriber()
        var harness = Harness()
        publisher.record(share(0))
        publisher.flush()
        #expect(harness.turn(subscriber, publisher) { $0.shares.count == 1 })
        // Nobody reads, and each of these turns is a message: the queues hold about 2,000, the kernel a little more.
        for number in 1..<30_000 as Range<UInt64> {
            publisher.record(share(number))
            publisher.flush()
        }
        #expect(harness.turn(subscriber, publisher) { $0.shares.count >= 30_000 })
        #expect(harness.shares == Array(0..<30_000))
        #expect(harness.lost == 0)
    }

    @Test func whatTheLogNoLongerHasIsCountedAsLostAndTheLiveMinersComeInstead() throws {
        let publisher = try publisher(logBytesMax: 128 * 1_024)
        let subscriber = try subscriber()
        var harness = Harness()
        publisher.record(share(0))
        publisher.flush()
        #expect(harness.turn(subscriber, publisher) { $0.shares.count == 1 })
        for number in 1..<20_000 as Range<UInt64> {
            publisher.record(share(number))
            publisher.flush()
        }
        let live = [joined(3), joined(4)]
        #expect(harness.turn(subscriber, publisher, live: live) { $0.shares.last == 19_999 })
        #expect(harness.lost > 0)
        #expect(UInt64(harness.shares.count) + harness.lost == 20_000)
        #expect(harness.shares == harness.shares.sorted())
        #expect(harness.news.contains(.liveMiners(try #require(subscriber.position).epoch, live)))
    }

    @Test func whatIsAcknowledgedIsNotKept() throws {
        let publisher = try publisher(logBytesMax: 128 * 1_024)
        let subscriber = try subscriber()
        var harness = Harness()
        for number in 0..<20_000 as Range<UInt64> {
            publisher.record(share(number))
            guard number % 500 == 499 else { continue }
            publisher.flush()
            #expect(harness.turn(subscriber, publisher) { UInt64($0.shares.count) == number + 1 })
            subscriber.acknowledge(try #require(subscriber.position))
            // The request that follows on the same pipe tells that the acknowledgement has arrived.
        }
        _ = harness.turn(subscriber, publisher) { _ in publisher.oldestSequence > 15_000 }
        #expect(publisher.oldestSequence > 15_000)
        #expect(harness.lost == 0)
    }

    @Test func strangersAreNotAnswered() throws {
        let publisher = try publisher()
        let stranger = try BusSocket(context, .dealer, queuedMessagesMax: 100)
        try stranger.connect(.replay(.shard(0), runDirectory: directory.path))
        var generator = SystemRandomNumberGenerator()
        var sent = 0
        while sent < 1_000 {
            let bytes = (0..<sent % 60).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if stranger.send(bytes, more: sent % 3 == 0) { sent += 1 }
            while publisher.serveRequests(liveMiners: { [] }) {}
        }
        #expect(stranger.receive() == nil)
        // And it still serves.
        publisher.record(share(7))
        publisher.flush()
        let subscriber = try subscriber()
        var harness = Harness()
        #expect(harness.turn(subscriber, publisher) { $0.shares == [7] })
    }

    @Test func aPathTooLongForASocketIsSaidSo() throws {
        let long = "/tmp/" + String(repeating: "x", count: 100)
        #expect(throws: BusFailure.self) {
            try EventPublisher(context, runDirectory: long, source: .shard(0), epoch: .random())
        }
        #expect(throws: BusFailure.self) {
            try EventPublisher(context, runDirectory: "/nonexistent", source: .shard(0), epoch: .random())
        }
    }
}
