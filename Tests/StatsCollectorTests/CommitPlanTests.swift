import Testing

@testable import StatsCollector

struct CommitPlanTests {
    private var plan = CommitPlan(at: 1_000, hasJournal: false)

    /// What is due, without anything special.
    private func step(_ now: UInt64, _ pendingBytes: Int = 100, gap: Bool = false) -> CommitPlan.Step {
        plan.step(at: now, pendingBytes: pendingBytes, needsCheckpoint: gap)
    }

    private mutating func succeed(_ step: CommitPlan.Step, at now: UInt64, bytes: Int = 100) {
        plan.began(step, at: now, pendingBytes: bytes)
        plan.succeeded()
    }

    @Test mutating func newsIsCommittedAtOnceAndOneAtATime() {
        #expect(step(1_000, 0) == .nothing)
        plan.heardNews(at: 1_000)
        #expect(step(1_000) == .progress)
        plan.began(.progress, at: 1_000, pendingBytes: 100)
        plan.heardNews(at: 2_000)
        #expect(step(2_000) == .nothing && step(90_000, gap: true) == .nothing)
        plan.succeeded()
        #expect(step(2_000) == .progress)
    }

    @Test mutating func underLoadACheckpointComesOnceAMinute() {
        var checkpoints: [UInt64] = []
        for second in 0..<300 {
            let now = 1_000 + UInt64(second) * 1_000
            plan.heardNews(at: now)
            let due = step(now)
            if due == .checkpoint { checkpoints.append(now) }
            succeed(due, at: now)
        }
        #expect(checkpoints == [61_000, 121_000, 181_000, 241_000])
    }

    @Test mutating func quietBringsOneCheckpointAndThenSignsOfLifeNowAndThen() {
        plan.heardNews(at: 1_000)
        succeed(.progress, at: 1_000)
        var steps: [UInt64: CommitPlan.Step] = [:]
        for now in stride(from: UInt64(2_000), to: 40_000, by: 1_000) {
            let due = step(now)
            if due != .nothing { steps[now] = due }
            succeed(due, at: now)
        }
        #expect(steps == [6_000: .checkpoint, 16_000: .progress, 26_000: .progress, 36_000: .progress])
    }

    @Test mutating func aLongJournalIsCutShort() {
        plan.heardNews(at: 1_000)
        succeed(.progress, at: 1_000, bytes: CommitPlan.journalBytesMax - 100)
        #expect(step(2_000, 100) == .nothing)
        #expect(step(2_000, 101) == .checkpoint)
        succeed(.checkpoint, at: 2_000)
        #expect(step(2_000, 101) == .nothing)
    }

    @Test func aJournalThatWasFoundIsReplacedWhenThereIsLeisure() {
        let plan = CommitPlan(at: 0, hasJournal: true)
        #expect(plan.step(at: 4_999, pendingBytes: 0, needsCheckpoint: false) == .nothing)
        #expect(plan.step(at: 5_000, pendingBytes: 0, needsCheckpoint: false) == .checkpoint)
    }

    @Test mutating func aGapAsksForACheckpoint() {
        #expect(step(1_000, 0, gap: true) == .checkpoint)
    }

    @Test mutating func failuresAreTriedAgainLaterAndLater() {
        var attempts: [UInt64] = []
        for second in 0..<120 {
            let now = 1_000 + UInt64(second) * 1_000
            let due = step(now, gap: true)
            guard due != .nothing else { continue }
            #expect(due == .checkpoint)
            attempts.append(now / 1_000)
            plan.began(due, at: now, pendingBytes: 0)
            plan.failed(at: now, atOnce: false)
        }
        #expect(attempts == [1, 2, 4, 8, 16, 32, 62, 92])
        // What has succeeded once begins again with a second.
        succeed(.checkpoint, at: 200_000)
        plan.began(.progress, at: 200_000, pendingBytes: 1)
        plan.failed(at: 200_000, atOnce: false)
        #expect(step(200_999, gap: true) == .nothing && step(201_000, gap: true) == .checkpoint)
    }

    @Test mutating func whereTheCauseIsGoneThereIsNoPause() {
        plan.began(.checkpoint, at: 1_000, pendingBytes: 0)
        plan.failed(at: 1_000, atOnce: true)
        #expect(step(1_000, gap: true) == .checkpoint)
    }
}
