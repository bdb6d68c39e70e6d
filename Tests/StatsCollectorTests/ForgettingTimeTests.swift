import Telemetry
import Testing

@testable import StatsCollector

/// A time of day that jumps deletes nothing.
@Suite struct ForgettingTimeTests {
    private static let start: UInt64 = 1_790_000_000_000
    private static let day: UInt64 = 86_400_000
    private static let hour: UInt64 = 3_600_000

    private func moment(_ time: UInt64, _ monotonic: UInt64) -> Statistics.Moment {
        .init(time: time, monotonic: monotonic)
    }

    private func begin(committedAt: UInt64 = 0) -> ForgettingTime {
        ForgettingTime(at: moment(Self.start, 5_000), committedAt: committedAt)
    }

    @Test func usuallyItIsTheTimeOfDay() {
        var time = begin()
        for second in 0..<100_000 as Range<UInt64> {
            let now = time.advance(to: moment(Self.start + second * 1_000, 5_000 + second * 1_000))
            if now != Self.start + second * 1_000 { Issue.record("\(second)") }
        }
    }

    @Test(arguments: [1, 40 * 24, 24 * 365 * 30] as [UInt64])
    func aJumpAheadForAWhileMovesNothing(hours: UInt64) {
        var time = begin()
        #expect(time.advance(to: moment(Self.start + hours * Self.hour, 6_000)) == Self.start + 1_000)
        #expect(time.advance(to: moment(Self.start + hours * Self.hour + 60_000, 66_000)) == Self.start + 61_000)
        #expect(time.advance(to: moment(Self.start + 62_000, 67_000)) == Self.start + 62_000)
    }

    @Test func aJumpBackAndAheadMovesNothing() {
        var time = begin()
        #expect(time.advance(to: moment(Self.start - 40 * Self.day, 6_000)) == Self.start - 40 * Self.day)
        let after = time.advance(to: moment(Self.start + 2_000, 7_000))
        #expect(after == Self.start - 40 * Self.day + 1_000)
    }

    @Test func manyJumpsMoveNoMoreThanOne() {
        var time = begin()
        var now: UInt64 = 0
        for step in 1...2_000 as ClosedRange<UInt64> {
            // Ahead by another distance each minute, for more than a day.
            let jump = (step * 7_919 % 400) * Self.hour
            now = time.advance(to: moment(Self.start + step * 60_000 + jump, 5_000 + step * 60_000))
            if now > Self.start + step * 60_000 { Issue.record("\(step): \(now)") }
        }
        #expect(now <= Self.start + 2_000 * 60_000)
    }

    @Test func aTimeThatStaysAheadForADayIsTrusted() {
        var time = begin()
        let offset = 40 * Self.day
        for minute in 0..<1_440 as Range<UInt64> {
            let now = time.advance(to: moment(Self.start + offset + minute * 60_000, 5_000 + minute * 60_000))
            if now != Self.start + minute * 60_000 { Issue.record("\(minute)") }
        }
        let later = moment(Self.start + offset + Self.day, 5_000 + Self.day)
        #expect(time.advance(to: later) == later.time)
    }

    @Test func aServiceThatWasOffForgetsADayLater() {
        var time = begin(committedAt: Self.start - 100 * Self.day)
        #expect(time.advance(to: moment(Self.start, 5_000)) == Self.start - 100 * Self.day)
        #expect(time.advance(to: moment(Self.start + Self.day, 5_000 + Self.day)) == Self.start + Self.day)
    }

    @Test func aCommitInTheFutureIsNotBelieved() {
        var time = begin(committedAt: Self.start + 40 * Self.day)
        #expect(time.advance(to: moment(Self.start + 1, 5_001)) == Self.start + 1)
    }
}
