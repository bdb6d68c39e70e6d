import Glibc
import TestSupport
import Testing

@testable import EventBus
@testable import Telemetry

struct SnapshotStreamTests {
    private let directory = Scratch()
    private let context: BusContext

    init() throws {
        context = try BusContext()
    }

    private func snapshot(_ sequence: UInt64, at time: UInt64 = 0) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.sequence = sequence
        snapshot.time = time
        return snapshot
    }

    /// The next snapshot that satisfies `wanted`, while the publisher greets.
    private func next(
        _ subscriber: SnapshotSubscriber, _ publisher: SnapshotPublisher?, where wanted: (Snapshot) -> Bool
    ) -> Snapshot? {
        let deadline = Harness.milliseconds() + 20_000
        while Harness.milliseconds() < deadline {
            publisher?.greetSubscribers()
            guard case .snapshot(let snapshot) = subscriber.wait(orDescriptor: -1, timeoutMilliseconds: 5) else {
                continue
            }
            if wanted(snapshot) { return snapshot }
        }
        return nil
    }

    @Test func whoComesLateGetsTheLastSnapshotAtOnce() throws {
        let publisher = try SnapshotPublisher(context, runDirectory: directory.path)
        publisher.publish(snapshot(1))
        publisher.publish(snapshot(2))
        for _ in 0..<2 {
            let subscriber = try SnapshotSubscriber(context, runDirectory: directory.path)
            #expect(next(subscriber, publisher) { _ in true }?.sequence == 2)
        }
    }

    @Test func onlyTheNewestIsKept() throws {
        let publisher = try SnapshotPublisher(context, runDirectory: directory.path)
        let subscriber = try SnapshotSubscriber(context, runDirectory: directory.path)
        publisher.publish(snapshot(1))
        #expect(next(subscriber, publisher) { _ in true } != nil)
        for sequence in 2...500 as ClosedRange<UInt64> {
            publisher.publish(snapshot(sequence))
            usleep(100)
        }
        var count = 0
        #expect(
            next(subscriber, nil) { snapshot in
                count += 1
                return snapshot.sequence == 500
            } != nil)
        #expect(count < 50)
    }

    @Test func aCollectorThatStartsAnewIsHeard() throws {
        let subscriber = try SnapshotSubscriber(context, runDirectory: directory.path)
        var publisher: SnapshotPublisher? = try SnapshotPublisher(context, runDirectory: directory.path)
        publisher?.publish(snapshot(1, at: 100))
        #expect(next(subscriber, publisher) { _ in true } != nil)
        publisher?.close()
        publisher = try SnapshotPublisher(context, runDirectory: directory.path)
        publisher?.publish(snapshot(1, at: 200))
        #expect(next(subscriber, publisher) { _ in true }?.time == 200)
    }

    @Test func theDescriptorEndsTheWaitEvenWhenASnapshotIsThere() throws {
        let publisher = try SnapshotPublisher(context, runDirectory: directory.path)
        let subscriber = try SnapshotSubscriber(context, runDirectory: directory.path)
        publisher.publish(snapshot(1))
        #expect(next(subscriber, publisher) { _ in true } != nil)
        publisher.publish(snapshot(2))
        var pipe: [Int32] = [0, 0]
        #expect(Glibc.pipe(&pipe) == 0)
        close(pipe[1])
        defer { close(pipe[0]) }
        guard case .descriptorReadable = subscriber.wait(orDescriptor: pipe[0], timeoutMilliseconds: 10_000) else {
            throw TestFailure("the closed pipe went unnoticed")
        }
    }

    @Test func withNothingToHearTheWaitEnds() throws {
        let subscriber = try SnapshotSubscriber(context, runDirectory: directory.path)
        guard case .timedOut = subscriber.wait(orDescriptor: -1, timeoutMilliseconds: 0) else {
            throw TestFailure("something was heard")
        }
    }

    @Test func anotherVersionIsSaidSo() throws {
        let stranger = try BusSocket(context, .publish, queuedMessagesMax: 10)
        try stranger.bind(.snapshots(runDirectory: directory.path))
        let subscriber = try SnapshotSubscriber(context, runDirectory: directory.path)
        var bytes = Snapshot().encoded()
        bytes[4] = 77
        let deadline = Harness.milliseconds() + 20_000
        var arrival = SnapshotSubscriber.Arrival.timedOut
        while case .timedOut = arrival, Harness.milliseconds() < deadline {
            stranger.send(bytes)
            arrival = subscriber.wait(orDescriptor: -1, timeoutMilliseconds: 5)
        }
        guard case .unreadable(.unsupportedVersion(77)) = arrival else { throw TestFailure("\(arrival)") }
    }
}
