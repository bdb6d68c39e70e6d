import TestSupport
import Testing

@testable import Telemetry

/// A log that a successor reads again: nobody on the bus notices.
struct EventLogCodingTests {
    private func log(_ segments: Int = 4) -> EventLog {
        EventLog(shard: 3, epoch: Sample.epoch, bytesMax: segments * EventLog.segmentBytes)
    }

    /// With events of every kind, some sent, and the oldest segment acknowledged.
    private func busyLog() -> EventLog {
        var log = log()
        for event in Sample.events { log.append(event) }
        for number in 0..<2_000 { log.append(Sample.accepted(UInt64(number % 7))) }
        _ = frames(&log)
        log.acknowledge(Acknowledgement(shard: 3, epoch: Sample.epoch, before: 1_500))
        for _ in 0..<1_000 { log.append(Sample.accepted()) }
        return log
    }

    private func again(_ log: EventLog) throws -> EventLog {
        try EventLog(written: log.written(), bytesMax: 4 * EventLog.segmentBytes)
    }

    private func frames(_ log: inout EventLog) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var bytes: [UInt8] = []
        while log.takeUnsent(into: &bytes) { frames.append(bytes) }
        return frames
    }

    private func answer(_ log: EventLog, from sequence: UInt64) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        let request = ReplayRequest(shard: 3, epoch: Sample.epoch, from: sequence, number: 6)
        log.answer(request, liveMiners: { [Sample.joined(5)] }, send: { messages.append($0) })
        return messages
    }

    // MARK: - As it was

    @Test func whatWasWrittenIsReadAgain() throws {
        let log = busyLog()
        let successor = try again(log)
        #expect(successor.written() == log.written())
        #expect(successor.shard == 3)
        #expect(successor.epoch == Sample.epoch)
        #expect(successor.next == log.next)
        #expect(successor.oldest == log.oldest && log.oldest > 0)
        #expect(successor.counters == log.counters)
    }

    @Test func anEmptyLogIsReadAgain() throws {
        let successor = try again(log())
        #expect(successor.next == 0)
        #expect(successor.oldest == 0)
        #expect(successor.written() == log().written())
    }

    @Test func theSuccessorSendsWhatWasNotSentAndNothingTwice() throws {
        var log = busyLog()
        var successor = try again(log)
        let unsent = frames(&log)
        #expect(!unsent.isEmpty)
        #expect(frames(&successor) == unsent)
        #expect(frames(&successor) == [])
    }

    @Test(arguments: [0, 1_400, 1_999, 2_500, .max] as [UInt64])
    func aReplayAnswersAsBefore(from sequence: UInt64) throws {
        let log = busyLog()
        #expect(answer(try again(log), from: sequence) == answer(log, from: sequence))
    }

    @Test func bothGoOnAlikeUntilTheRingHasGoneRound() throws {
        var log = busyLog()
        var successor = try again(log)
        for number in 0..<8_000 {
            let share = Sample.accepted(UInt64(number % 5), at: Sample.start + UInt64(number))
            log.append(share)
            successor.append(share)
            if number % 1_000 == 0 { #expect(frames(&successor) == frames(&log)) }
            if number % 3_000 == 0 {
                let word = Acknowledgement(shard: 3, epoch: Sample.epoch, before: log.next - 50)
                log.acknowledge(word)
                successor.acknowledge(word)
            }
        }
        #expect(successor.droppedCount == log.droppedCount)
        #expect(successor.written() == log.written())
        #expect(answer(successor, from: 0) == answer(log, from: 0))
    }

    // MARK: - Damaged

    /// It can be used like any other.
    private func exercise(_ log: EventLog) {
        var log = log
        _ = answer(log, from: 0)
        _ = answer(log, from: log.next &- 3)
        for event in Sample.events { log.append(event) }
        log.acknowledge(Acknowledgement(shard: log.shard, epoch: log.epoch, before: log.next))
        for _ in 0..<2_400 { log.append(Sample.accepted()) }
        _ = frames(&log)
        log.acknowledge(Acknowledgement(shard: log.shard, epoch: log.epoch, before: log.next))
        _ = log.written()
    }

    /// Small, and with all its parts.
    private var form: [UInt8] {
        var log = log()
        for event in Sample.events { log.append(event) }
        _ = frames(&log)
        for event in Sample.events { log.append(event) }
        return log.written()
    }

    @Test func everyTruncationIsRefused() {
        let form = form
        for count in form.indices {
            #expect(throws: DecodingFailure.self) { _ = try EventLog(written: Array(form.prefix(count))) }
        }
        #expect(throws: DecodingFailure.truncated) { _ = try EventLog(written: form + [0]) }
        #expect(throws: DecodingFailure.invalidField) { _ = try EventLog(written: form + [0, 0, 0, 0]) }
    }

    @Test func anotherTagAndALaterVersionAreRefused() {
        var other = form
        other[0] = 0x41
        #expect(throws: DecodingFailure.wrongMagic) { _ = try EventLog(written: other) }
        other = form
        other[4] = 2
        #expect(throws: DecodingFailure.unsupportedVersion(2)) { _ = try EventLog(written: other) }
    }

    /// In its head, in a segment's, and in those of the first records: there lie all counts and lengths.
    @Test func extremeNumbersAnywhereAreRefusedOrLeaveALogThatWorks() {
        let form = form
        var (refused, taken) = (0, 0)
        for width in [1, 4, 8] {
            for offset in 0..<140 {
                for fill: UInt8 in [0x00, 0x7f, 0xff] {
                    var damaged = form
                    damaged.replaceSubrange(offset..<offset + width, with: repeatElement(fill, count: width))
                    guard let log = try? EventLog(written: damaged, bytesMax: 2 * EventLog.segmentBytes) else {
                        refused += 1
                        continue
                    }
                    exercise(log)
                    taken += 1
                }
            }
        }
        #expect(refused > 300)
        #expect(taken > 200)
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func scatteredDamageIsRefusedOrLeavesALogThatWorks(seed: UInt64) {
        let form = busyLog().written()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<30 {
            var damaged = form
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<(generator.chance(50) ? 150 : damaged.count), using: &generator)
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
            }
            if let log = try? EventLog(written: damaged, bytesMax: 4 * EventLog.segmentBytes) { exercise(log) }
        }
    }

    /// 24 bytes for each are not worth the memory of a segment.
    @Test func segmentsWithoutEventsAreRefused() {
        var empty = log()
        empty.append(Sample.accepted())
        var form = empty.written()
        let records = RecordLayout.shareBytes
        form.removeLast(records)
        form.replaceSubrange(form.count - 16..<form.count, with: repeatElement(0, count: 16))
        form.replaceSubrange(24..<32, with: repeatElement(0, count: 8))
        #expect(throws: DecodingFailure.invalidField) { _ = try EventLog(written: form) }
    }

    @Test func moreSegmentsThanTheRingHasAreRefused() {
        var log = log()
        for _ in 0..<3_000 { log.append(Sample.accepted()) }
        #expect(throws: DecodingFailure.tooLong) {
            _ = try EventLog(written: log.written(), bytesMax: 2 * EventLog.segmentBytes)
        }
    }

    /// The next event would be one too many.
    @Test(arguments: [24, 32]) func numbersThatNobodyCanReachAreRefused(offset: Int) {
        var form = log().written()
        form.replaceSubrange(offset..<offset + 8, with: repeatElement(0xff, count: 8))
        #expect(throws: DecodingFailure.invalidField) { _ = try EventLog(written: form) }
    }
}
