import StratumSession
import Testing

@testable import StratumWorker

@Suite struct DrainScheduleTests {
    private let start = Instant(microseconds: 1_000_000)
    private let miners = (0..<1_000).map { MinerID(index: $0, generation: 1) }

    private func plan(_ millis: Int64) -> DrainSchedule {
        var chance = SystemRandomNumberGenerator()
        return DrainSchedule(miners, from: start, withinMillis: millis, using: &chance)
    }

    @Test func minersGoOneAfterTheOtherAndEachOnce() {
        var plan = plan(10_000)
        var gone: [MinerID] = []
        var perSecond: [Int] = []
        for second in 1...9 {
            let due = plan.due(at: start + Milliseconds(UInt64(second) * 1_000))
            perSecond.append(due.count)
            gone += due
        }
        #expect(Set(gone).count == 1_000 && gone.count == 1_000)
        // 111 each on average. The probability of a value outside these bounds is negligible.
        #expect(perSecond.allSatisfy { (50...190).contains($0) }, "\(perSecond)")
        #expect(!plan.isOver(at: start + Milliseconds(9_999)) && plan.isOver(at: start + Milliseconds(10_000)))
    }

    @Test func whoWaitsForAReplyIsDueAgain() {
        var plan = plan(10)
        let all = plan.due(at: start + Milliseconds(9))
        #expect(all.count == 1_000)
        plan.putOff(all[7])
        #expect(plan.due(at: start + Milliseconds(9)) == [all[7]])
        #expect(plan.due(at: start + Milliseconds(10)) == [])
    }

    @Test(arguments: [0, -5] as [Int64])
    func noTimeAtAllMeansAllAtOnce(millis: Int64) {
        var plan = plan(millis)
        #expect(plan.isOver(at: start) && plan.due(at: start).count == 1_000)
    }
}
