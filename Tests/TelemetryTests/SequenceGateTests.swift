import Testing

@testable import Telemetry

struct SequenceGateTests {
    private let shares = (1...20).map { ShardEvent.share(Sample.accepted(UInt64($0))) }

    private func frame(
        _ range: Range<Int>, _ epoch: Epoch = Sample.epoch, answering request: UInt32 = 0
    ) -> BusMessage {
        .events(
            EventFrame(
                shard: 0, epoch: epoch, first: UInt64(range.lowerBound), events: Array(shares[range]),
                request: request))
    }

    private func news(_ range: Range<Int>, _ epoch: Epoch = Sample.epoch) -> SequenceGate.Delivery {
        .events(epoch, shares[range])
    }

    private func started(at count: Int = 5) -> SequenceGate {
        var gate = SequenceGate(shard: 0)
        _ = gate.receive(frame(0..<count))
        return gate
    }

    @Test func framesInOrderGoThrough() {
        var gate = SequenceGate(shard: 0)
        #expect(gate.receive(frame(0..<5)) == [.epochBegan(Sample.epoch), news(0..<5)])
        #expect(gate.receive(frame(5..<7)) == [news(5..<7)])
        #expect(gate.requestDue(at: 0) == nil)
        #expect(gate.position?.next == 7)
    }

    @Test func whatWasSeenIsIgnoredAndOnlyTheRestOfAnOverlapGoesThrough() {
        var gate = started()
        #expect(gate.receive(frame(0..<5)) == [])
        #expect(gate.receive(frame(2..<8)) == [news(5..<8)])
    }

    @Test func aGapIsAskedForAndWhatCameAfterItWaits() {
        var gate = started()
        #expect(gate.receive(frame(10..<12)) == [])
        #expect(gate.receive(frame(8..<10)) == [])
        #expect(gate.requestDue(at: 100) == ReplayRequest(shard: 0, epoch: Sample.epoch, from: 5, number: 1))
        #expect(gate.requestDue(at: 100) == nil)
        #expect(gate.receive(frame(5..<8)) == [news(5..<8), news(8..<10), news(10..<12)])
        #expect(!gate.isBehind)
    }

    @Test func anUnansweredRequestIsMadeAgain() {
        var gate = started()
        _ = gate.receive(frame(10..<12))
        #expect(gate.requestDue(at: 100) != nil)
        #expect(gate.requestDue(at: 1_099) == nil)
        #expect(gate.requestDue(at: 1_100) != nil)
        gate.requestFailed()
        #expect(gate.requestDue(at: 1_101) != nil)
    }

    @Test func anAnswerThatEndsTooSoonIsContinuedAtOnceIfItHelped() {
        var gate = started()
        _ = gate.receive(frame(18..<20))
        _ = gate.requestDue(at: 100)
        _ = gate.receive(.replayEnd(ReplayEnd(shard: 0, epoch: Sample.epoch, next: 5, end: 20)))
        #expect(gate.requestDue(at: 101) == nil)
        _ = gate.receive(frame(5..<9))
        _ = gate.receive(.replayEnd(ReplayEnd(shard: 0, epoch: Sample.epoch, next: 9, end: 20)))
        #expect(gate.requestDue(at: 101)?.from == 9)
    }

    @Test func whoKnowsNothingAsks() {
        var gate = SequenceGate(shard: 0)
        #expect(gate.requestDue(at: 0) == ReplayRequest(shard: 0, epoch: .unknown, from: 0, number: 1))
    }

    @Test func aNewcomerTakesUpTheStreamWithoutCallingThePastLost() {
        var gate = SequenceGate(shard: 0)
        let live = LiveMiners(shard: 0, epoch: Sample.epoch, from: 8, miners: [Sample.joined(1)])
        let news = gate.receive(.liveMiners(live))
        #expect(news == [.epochBegan(Sample.epoch), .liveMiners(Sample.epoch, live.miners)])
        #expect(gate.receive(frame(8..<9)) == [self.news(8..<9)])
    }

    @Test func whatTheShardNoLongerHasIsLost() {
        var gate = started()
        _ = gate.receive(frame(12..<14))
        let live = LiveMiners(shard: 0, epoch: Sample.epoch, from: 9, miners: [])
        #expect(gate.receive(.liveMiners(live)) == [.lost(Sample.epoch, 4), .liveMiners(Sample.epoch, [])])
        #expect(gate.receive(.liveMiners(live)) == [])
        #expect(gate.receive(frame(9..<12)) == [news(9..<12), news(12..<14)])
    }

    /// A gap that never closes must not gather the whole future in memory.
    @Test func whatIsTooMuchToWaitIsAskedForInstead() {
        var gate = started()
        let many = [ShardEvent](repeating: shares[0], count: 20_000)
        func frame(from first: UInt64, _ events: [ShardEvent]) -> BusMessage {
            .events(EventFrame(shard: 0, epoch: Sample.epoch, first: first, events: events))
        }
        #expect(gate.receive(frame(from: 6, many)) == [])
        #expect(gate.receive(frame(from: 20_006, many)) == [])
        #expect(gate.receive(frame(from: 40_006, [shares[1]])) == [])
        #expect(gate.receive(self.frame(5..<6)).count == 2)
        #expect(gate.position?.next == 20_006)
        #expect(gate.isBehind)
        #expect(gate.requestDue(at: 0)?.from == 20_006)
        // The one behind was little enough to wait.
        #expect(gate.receive(frame(from: 20_006, many)).count == 2)
        #expect(!gate.isBehind)
    }

    @Test func aResumedGateGoesOnWhereItWas() {
        var gate = SequenceGate(shard: 0, resuming: Sample.epoch, next: 6)
        #expect(gate.receive(frame(0..<8)) == [news(6..<8)])
        var other = SequenceGate(shard: 0, resuming: Sample.epoch, next: 6)
        #expect(other.receive(frame(9..<10)) == [])
        #expect(other.requestDue(at: 0)?.from == 6)
    }

    @Test func whatAnAnswerBringsCountsAsReplayedAndWhatCameLiveDoesNot() {
        var gate = started()
        _ = gate.receive(frame(9..<12))
        _ = gate.requestDue(at: 0)
        _ = gate.receive(frame(5..<9, answering: 1))
        #expect(gate.position?.next == 12)
        #expect(gate.replayedCount == 4)
        _ = gate.receive(frame(5..<12, answering: 1))
        _ = gate.receive(frame(12..<13))
        #expect(gate.replayedCount == 4)
        // The part of it that is new.
        _ = gate.receive(frame(11..<15, answering: 1))
        #expect(gate.replayedCount == 6)
    }

    @Test func anotherShardsMessagesAreNotOurs() {
        var gate = SequenceGate(shard: 1)
        #expect(gate.receive(frame(0..<1)) == [])
        #expect(gate.position == nil)
    }
}
