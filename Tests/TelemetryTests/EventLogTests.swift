import Testing

@testable import Telemetry

struct EventLogTests {
    /// Eighteen shares fit into a segment, so 72 into the ring.
    private func smallLog() -> EventLog {
        EventLog(shard: 3, epoch: Sample.epoch, bytesMax: 4 * 1_008, segmentBytes: 1_008)
    }

    private func frames(_ log: inout EventLog) throws -> [EventFrame] {
        var frames: [EventFrame] = []
        var bytes: [UInt8] = []
        while log.takeUnsent(into: &bytes) {
            guard case .events(let frame) = try BusMessage(decoding: bytes) else { continue }
            frames.append(frame)
        }
        return frames
    }

    private func answer(_ log: EventLog, from sequence: UInt64, epoch: Epoch = Sample.epoch) throws -> [BusMessage] {
        let request = ReplayRequest(shard: 3, epoch: epoch, from: sequence, number: 6)
        var bytes: [[UInt8]] = []
        log.answer(request, liveMiners: { [Sample.joined(5)] }, send: { bytes.append($0) })
        return try bytes.map { try BusMessage(decoding: $0) }
    }

    @Test func aMinerThatHasMovedIsToldAsSuchAndIsNoLogin() throws {
        var log = smallLog()
        var moved = Sample.joined(2)
        moved.hasMoved = true
        var nameless = MinerJoined(key: 3, worker: nil, ip: "", agent: "")
        nameless.hasMoved = true
        log.append(Sample.joined(1))
        log.append(moved)
        log.append(nameless)
        log.append(Checkpoint())
        let events = try frames(&log).flatMap(\.events)
        #expect(events.prefix(3) == [.joined(Sample.joined(1)), .joined(moved), .joined(nameless)])
        guard case .checkpoint(let checkpoint)? = events.last else { throw DecodingFailure.invalidField }
        #expect(checkpoint.counters.joined == 1)
    }

    private func sequences(_ messages: [BusMessage]) -> [Range<UInt64>] {
        messages.compactMap { if case .events(let frame) = $0 { frame.first..<frame.end } else { nil } }
    }

    @Test func oneTurnLeavesAsOneFrame() throws {
        var log = EventLog(shard: 3, epoch: Sample.epoch)
        for event in Sample.events { log.append(event) }
        var expected = Sample.events
        var checkpoint = Sample.checkpoint
        checkpoint.counters = log.counters
        expected[expected.count - 1] = .checkpoint(checkpoint)
        #expect(try frames(&log) == [EventFrame(shard: 3, epoch: Sample.epoch, first: 0, events: expected)])
        #expect(try frames(&log) == [])
        log.append(Sample.accepted())
        #expect(try frames(&log).map(\.first) == [UInt64(expected.count)])
    }

    @Test func aCheckpointCarriesTheCountsOfTheEventsBeforeIt() throws {
        var log = EventLog(shard: 3, epoch: Sample.epoch)
        for event in Sample.events { log.append(event) }
        guard case .checkpoint(let checkpoint) = try frames(&log)[0].events.last else { return }
        #expect(checkpoint.counters.accepted == 1)
        #expect(checkpoint.counters.rejected == 1)
        #expect(checkpoint.counters.invalid == 1)
        #expect(checkpoint.counters.expired == 1)
        #expect(checkpoint.counters.hashesTotal == 1_000)
        #expect(checkpoint.counters.joined == 4)
        #expect(checkpoint.minersNow == 1)
    }

    @Test func aTurnLongerThanASegmentLeavesInSeveralFrames() throws {
        var log = smallLog()
        for _ in 0..<40 { log.append(Sample.accepted()) }
        #expect(try frames(&log).map { $0.first..<$0.end } == [0..<18, 18..<36, 36..<40])
    }

    @Test func aFullRingDropsItsOldestAndCountsThem() throws {
        var log = smallLog()
        for _ in 0..<80 { log.append(Sample.accepted()) }
        #expect(log.oldest == 18)
        #expect(log.droppedCount == 18)
        #expect(try frames(&log).map { $0.first..<$0.end } == [18..<36, 36..<54, 54..<72, 72..<80])
        #expect(log.counters.accepted == 80)
    }

    @Test func replayBeginsWhereAskedEvenInTheMiddleOfASegment() throws {
        var log = smallLog()
        for _ in 0..<50 { log.append(Sample.accepted()) }
        let messages = try answer(log, from: 25)
        #expect(sequences(messages) == [25..<36, 36..<50])
        let requests = messages.compactMap { if case .events(let frame) = $0 { frame.request } else { nil } }
        #expect(requests == [6, 6])
        #expect(messages.last == .replayEnd(ReplayEnd(shard: 3, epoch: Sample.epoch, next: 50, end: 50, request: 6)))
        #expect(messages.count == 3)
    }

    @Test func replayOfWhatIsGoneBeginsWithTheLiveMiners() throws {
        var log = smallLog()
        for _ in 0..<80 { log.append(Sample.accepted()) }
        let messages = try answer(log, from: 2)
        let live = LiveMiners(shard: 3, epoch: Sample.epoch, from: 18, miners: [Sample.joined(5)], request: 6)
        #expect(messages.first == .liveMiners(live))
        #expect(sequences(messages).first == 18..<36)
    }

    @Test func aRequestOfAnotherEpochIsAnsweredFromTheBeginning() throws {
        var log = smallLog()
        for _ in 0..<5 { log.append(Sample.accepted()) }
        #expect(sequences(try answer(log, from: 4, epoch: .unknown)) == [0..<5])
        #expect(sequences(try answer(log, from: 99)) == [])
    }

    @Test func oneAnswerIsLimited() throws {
        var log = EventLog(shard: 3, epoch: Sample.epoch, bytesMax: 100 * 1_008, segmentBytes: 1_008)
        for _ in 0..<1_000 { log.append(Sample.accepted()) }
        let messages = try answer(log, from: 0)
        #expect(messages.count == EventLog.replayFramesMax + 1)
        #expect(
            messages.last == .replayEnd(ReplayEnd(shard: 3, epoch: Sample.epoch, next: 288, end: 1_000, request: 6)))
    }

    @Test func whatIsAcknowledgedIsFreedAndTheRingGoesRound() throws {
        var log = smallLog()
        for round in 1...200 {
            for _ in 0..<20 { log.append(Sample.accepted()) }
            _ = try frames(&log)
            log.acknowledge(Acknowledgement(shard: 3, epoch: Sample.epoch, before: UInt64(round * 20 - 5)))
            #expect(log.oldest <= UInt64(round * 20 - 5))
            #expect(sequences(try answer(log, from: UInt64(round * 20 - 5))).last?.upperBound == log.next)
        }
        #expect(log.droppedCount == 0)
    }

    @Test func neitherForeignNorUnsentEventsAreFreed() throws {
        var log = smallLog()
        func acknowledge(_ before: UInt64, _ epoch: Epoch = Sample.epoch) -> UInt64 {
            log.acknowledge(Acknowledgement(shard: 3, epoch: epoch, before: before))
            return log.oldest
        }
        for _ in 0..<36 { log.append(Sample.accepted()) }
        #expect(acknowledge(36) == 0)
        _ = try frames(&log)
        #expect(acknowledge(36, .unknown) == 0)
        // Whoever says so is mistaken about more than that.
        #expect(acknowledge(37) == 0)
        #expect(acknowledge(.max) == 0)
        #expect(acknowledge(20) == 18)
        #expect(acknowledge(3) == 18)
        #expect(acknowledge(36) == 36)
        #expect(log.droppedCount == 0)
    }
}
