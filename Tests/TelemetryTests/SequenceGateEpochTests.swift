import Testing

@testable import Telemetry

/// Lives of a shard that follow each other, seen through a bus on which their messages overtake each other.
struct SequenceGateEpochTests {
    private let shares = (1...20).map { ShardEvent.share(Sample.accepted(UInt64($0))) }
    private let first = Epoch(high: 1, low: 1)
    private let second = Epoch(high: 2, low: 2)
    private let third = Epoch(high: 3, low: 3)

    private func frame(
        _ range: Range<Int>, _ epoch: Epoch, answering request: UInt32 = 0, isLast: Bool = false
    ) -> BusMessage {
        .events(
            EventFrame(
                shard: 0, epoch: epoch, first: UInt64(range.lowerBound), events: events(range, isLast), request: request
            ))
    }

    private func events(_ range: Range<Int>, _ isLast: Bool) -> [ShardEvent] {
        guard isLast else { return Array(shares[range]) }
        var checkpoint = Checkpoint()
        checkpoint.isLast = true
        return shares[range.dropLast()] + [.checkpoint(checkpoint)]
    }

    private func news(_ range: Range<Int>, _ epoch: Epoch, isLast: Bool = false) -> SequenceGate.Delivery {
        .events(epoch, events(range, isLast)[...])
    }

    private func end(_ epoch: Epoch, _ next: UInt64, answering request: UInt32) -> BusMessage {
        .replayEnd(ReplayEnd(shard: 0, epoch: epoch, next: next, end: next, request: request))
    }

    /// Five events of the first life.
    private func started() -> SequenceGate {
        var gate = SequenceGate(shard: 0)
        _ = gate.receive(frame(0..<5, first))
        return gate
    }

    /// The second life is the present one, of two events.
    private func restarted() -> SequenceGate {
        var gate = started()
        _ = gate.receive(frame(0..<2, second))
        _ = gate.requestDue(at: 0)
        _ = gate.receive(end(second, 2, answering: 1))
        return gate
    }

    // MARK: - Who is there

    @Test func aFrameOfAnUnknownEpochWaitsUntilItsShardHasAnswered() {
        var gate = started()
        #expect(gate.receive(frame(0..<2, second)) == [])
        #expect(gate.position?.epoch == first)
        #expect(gate.requestDue(at: 0) == ReplayRequest(shard: 0, epoch: first, from: 5, number: 1))
        #expect(
            gate.receive(frame(0..<2, second, answering: 1)) == [
                .lost(first, 0), .epochBegan(second), news(0..<2, second),
            ])
        // It had come live, so it was not missed.
        #expect(gate.replayedCount == 0)
        #expect(!gate.isBehind)
    }

    @Test func whoHasBeenAskedBeforeTheStrangerCameDoesNotTell() {
        var gate = started()
        _ = gate.receive(frame(7..<9, first))
        #expect(gate.requestDue(at: 0)?.number == 1)
        _ = gate.receive(frame(0..<2, second))
        // Asked at once again, though the first request is young.
        #expect(gate.requestDue(at: 1)?.number == 2)
        #expect(gate.receive(frame(5..<7, first, answering: 1)).count == 2)
        #expect(gate.isBehind)
        // The answer to the second one settles it: the stranger is older than the first life.
        #expect(gate.receive(end(first, 9, answering: 2)) == [.lost(second, 2)])
        #expect(!gate.isBehind)
    }

    @Test func aStrangerThatIsDeadNeverBecomesThePresentLife() {
        var gate = restarted()
        // The third life has answered before anything of it was heard live; what the first one left behind comes late.
        _ = gate.receive(frame(4..<5, second))
        _ = gate.requestDue(at: 0)
        _ = gate.receive(end(third, 0, answering: 2))
        #expect(gate.position?.epoch == third)
        for epoch in [first, second] {
            _ = gate.receive(frame(5..<8, epoch))
            _ = gate.receive(frame(0..<3, epoch, answering: 2))
            _ = gate.receive(end(epoch, 9, answering: 9))
            _ = gate.receive(.liveMiners(LiveMiners(shard: 0, epoch: epoch, from: 9, miners: [], request: 3)))
            #expect(gate.position?.epoch == third)
        }
        #expect(gate.position?.next == 0)
        #expect(!gate.isBehind)
    }

    @Test func livesThatBeganAndEndedUnansweredCountInTheirOrder() {
        var gate = started()
        _ = gate.receive(frame(0..<2, second))
        _ = gate.receive(frame(3..<4, second))
        _ = gate.receive(frame(0..<1, third))
        _ = gate.requestDue(at: 0)
        #expect(
            gate.receive(end(third, 1, answering: 1)) == [
                .lost(first, 0), .epochBegan(second), news(0..<2, second), .lost(second, 1), news(3..<4, second),
                .lost(second, 0), .epochBegan(third), news(0..<1, third),
            ])
        #expect(gate.receive(frame(4..<5, second)) == [news(4..<5, second)])
    }

    @Test func aStrangerThatCameAfterTheRequestStaysOneWhenItIsAnswered() {
        var gate = started()
        _ = gate.receive(frame(0..<2, second))
        _ = gate.requestDue(at: 0)
        _ = gate.receive(frame(0..<1, third))
        _ = gate.receive(end(second, 2, answering: 1))
        #expect(gate.position?.epoch == second)
        #expect(gate.isBehind)
        #expect(gate.requestDue(at: 0)?.number == 2)
        #expect(gate.receive(frame(0..<1, third, answering: 2)).last == news(0..<1, third))
        #expect(gate.position?.epoch == third)
    }

    @Test func anAnswerToAQuestionOfBeforeDoesNotBringAnyoneToLife() {
        var gate = SequenceGate(shard: 0)
        _ = gate.requestDue(at: 0)
        _ = gate.receive(frame(0..<2, first))
        // Who answered while the first life was unknown may have died before it began.
        #expect(gate.receive(frame(0..<2, second, answering: 1)) == [])
        #expect(gate.position?.epoch == first)
        #expect(gate.requestDue(at: 1)?.number == 2)
        // And nobody answers what was not asked.
        #expect(gate.receive(end(third, 2, answering: 7)) == [])
        #expect(gate.receive(end(second, 2, answering: 2)).contains(.epochBegan(second)))
    }

    @Test func requestsCountInACircle() {
        var gate = started()
        gate.requests = .max - 1
        gate.begunAfter = .max - 1
        for epoch in [second, third] {
            _ = gate.receive(frame(0..<1, epoch))
            let number = gate.requestDue(at: 0)?.number
            #expect(number != 0)
            #expect(gate.receive(end(epoch, 1, answering: number ?? 0)).contains(.epochBegan(epoch)))
        }
        #expect(gate.requests == 1)
    }

    @Test func strangersAreLimitedAndTheLivingOneShowsAgain() {
        var gate = started()
        let epochs = (10..<20 as Range<UInt64>).map { Epoch(high: $0, low: 0) }
        for epoch in epochs { _ = gate.receive(frame(0..<1, epoch)) }
        #expect(gate.strangers.count == SequenceGate.strangersMax)
        _ = gate.requestDue(at: 0)
        _ = gate.receive(frame(0..<1, epochs[9], answering: 1))
        #expect(gate.position?.epoch == epochs[9])
        #expect(gate.strangers.isEmpty)
        #expect(gate.heldCount == 0)
    }

    @Test func strangersTogetherKeepNoMoreThanAGap() {
        var gate = started()
        let many = [ShardEvent](repeating: shares[0], count: 20_000)
        for epoch in [second, third] {
            _ = gate.receive(.events(EventFrame(shard: 0, epoch: epoch, first: 0, events: many)))
        }
        _ = gate.receive(frame(6..<7, first))
        #expect(gate.heldCount == 20_001)
        _ = gate.requestDue(at: 0)
        let news = gate.receive(end(third, 20_000, answering: 1))
        #expect(news.contains(.events(second, many[...])))
        #expect(gate.heldCount == 0)
        #expect(gate.requestDue(at: 0)?.from == 0)
    }

    // MARK: - Former lives

    @Test func lateFramesOfAFormerLifeStillCountWhileTheyFit() {
        var gate = restarted()
        #expect(gate.receive(frame(5..<6, first)) == [news(5..<6, first)])
        #expect(gate.receive(frame(5..<6, first)) == [])
        #expect(gate.receive(frame(8..<9, first)) == [.lost(first, 2), news(8..<9, first)])
        #expect(gate.receive(frame(2..<3, second)) == [news(2..<3, second)])
    }

    @Test func whatWaitedBehindAGapGoesThroughWhenTheShardIsGone() {
        var gate = started()
        _ = gate.receive(frame(7..<9, first))
        _ = gate.requestDue(at: 0)
        #expect(
            gate.receive(frame(0..<1, second, answering: 1)) == [
                .lost(first, 2), news(7..<9, first), .lost(first, 0), .epochBegan(second), news(0..<1, second),
            ])
    }

    @Test func anEpochThatBeganUnseenIsAskedForFromItsBeginning() {
        var gate = started()
        _ = gate.receive(frame(3..<4, second))
        _ = gate.requestDue(at: 0)
        _ = gate.receive(end(second, 0, answering: 1))
        #expect(gate.requestDue(at: 0) == ReplayRequest(shard: 0, epoch: second, from: 0, number: 2))
        #expect(gate.receive(frame(0..<3, second, answering: 2)) == [news(0..<3, second), news(3..<4, second)])
        #expect(gate.replayedCount == 3)
    }

    @Test func whatComesOfALifeLongGoneIsLostAndNotNew() {
        var gate = started()
        for number in 0..<30 as Range<UInt64> {
            _ = gate.receive(frame(0..<1, Epoch(high: 50 + number, low: 0)))
            let request = gate.requestDue(at: 0)?.number ?? 0
            _ = gate.receive(end(Epoch(high: 50 + number, low: 0), 1, answering: request))
        }
        #expect(gate.former.count == SequenceGate.formerMax)
        #expect(gate.receive(frame(1..<2, Epoch(high: 75, low: 0))) == [news(1..<2, Epoch(high: 75, low: 0))])
        #expect(gate.receive(frame(1..<2, Epoch(high: 74, low: 0))) == [.lost(Epoch(high: 74, low: 0), 1)])
        #expect(gate.receive(frame(3..<6, first)) == [.lost(first, 1)])
        #expect(gate.receive(frame(3..<6, first)) == [])
        #expect(gate.position?.epoch == Epoch(high: 79, low: 0))
        #expect(gate.strangers.isEmpty)
    }

    // MARK: - Last words, and what a receiver misses that was away

    @Test func ofALifeThatWasHeardToItsLastWordNothingIsMissing() {
        var gate = started()
        _ = gate.receive(frame(5..<7, first, isLast: true))
        _ = gate.receive(frame(0..<1, second))
        _ = gate.requestDue(at: 0)
        #expect(gate.receive(end(second, 1, answering: 1)) == [.epochBegan(second), news(0..<1, second)])
    }

    @Test func ofOneThatEndedWhileTheReceiverWasAwayNobodyKnows() {
        var gate = SequenceGate(shard: 0, resuming: first, next: 5)
        // It asks without being told: perhaps nothing happens for long.
        #expect(gate.requestDue(at: 0) == ReplayRequest(shard: 0, epoch: first, from: 5, number: 1))
        #expect(gate.receive(end(second, 0, answering: 1)) == [.lost(first, 0), .epochBegan(second)])
    }

    @Test func ofOneThatLivesStillNothingIsMissing() {
        var gate = SequenceGate(shard: 0, resuming: first, next: 5)
        _ = gate.requestDue(at: 0)
        #expect(gate.receive(frame(5..<7, first, answering: 1)) == [news(5..<7, first)])
        #expect(gate.replayedCount == 2)
        #expect(!gate.isBehind)
    }

    @Test func afterALastWordTheStreamGoesOnAtTheBeginningOfTheNextLife() throws {
        var gate = started()
        _ = gate.receive(frame(5..<7, first, isLast: true))
        let position = try #require(gate.position)
        #expect(position == (.unknown, 0))
        var next = SequenceGate(shard: 0, resuming: position.epoch, next: position.next)
        #expect(try #require(next.position) == (.unknown, 0))
        #expect(next.requestDue(at: 0) == ReplayRequest(shard: 0, epoch: .unknown, from: 0, number: 1))
        // It is no newcomer: what the ring has dropped of the new life is lost.
        let live = LiveMiners(shard: 0, epoch: second, from: 8, miners: [], request: 1)
        #expect(
            next.receive(.liveMiners(live)) == [.epochBegan(second), .lost(second, 8), .liveMiners(second, [])])
    }

    @Test func whatANewcomerHasNotSeenBeginIsHistoryButItsEndIsNot() {
        var gate = SequenceGate(shard: 0)
        _ = gate.receive(frame(5..<6, first))
        _ = gate.receive(frame(0..<1, second))
        _ = gate.requestDue(at: 0)
        #expect(
            gate.receive(end(second, 1, answering: 1)) == [
                news(5..<6, first), .lost(first, 0), .epochBegan(second), news(0..<1, second),
            ])
    }
}
