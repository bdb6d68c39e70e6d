import TestSupport
import Testing

@testable import Supervision

@Suite struct RestartTests {
    private func child(after path: [(ChildEvent, Int64)] = []) -> Child { Child(after: path, finalExitCodes: [2, 64]) }

    /// Starts the child repeatedly; it crashes at once each time. Returns the pauses.
    private func pauses(jitter: Double) -> [Int64] {
        var child = child()
        var now: Int64 = 0
        var pauses: [Int64] = []
        _ = child.handle(.start, at: now)
        while true {
            for action in child.handle(.ended(.signal(11)), at: now, jitter: jitter) {
                guard case .report(.crashed(_, let pause)) = action else { return pauses }
                pauses.append(pause)
                now += pause
            }
            #expect(child.handle(.deadline, at: now) == [.spawn])
        }
    }

    @Test func theFirstQuickDeathIsAnsweredAtOnceTheOthersWithGrowingPausesUpToACeiling() {
        #expect(pauses(jitter: 0) == [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000])
    }

    @Test func jitterShortensThePausesByUpToAQuarter() {
        #expect(pauses(jitter: 0.999_999) == [0, 76, 151, 301, 601, 1_201, 2_401, 4_801, 7_501])
    }

    @Test(arguments: [0, -5, 1, 64, 10_000])
    func noCountOfDeathsBreaksThePause(deaths: Int) {
        let pause = RestartPolicy().pause(quickDeaths: deaths, jitter: 0)
        #expect(pause == 0 || (100...10_000).contains(pause))
    }

    @Test func aChildThatDiesTenTimesInARowHasFailedAndNamesTheCause() {
        var child = child()
        var now: Int64 = 0
        _ = child.handle(.start, at: now)
        for _ in 1..<10 {
            _ = child.handle(.ended(.exit(1)), at: now)
            now += 10_000
            _ = child.handle(.deadline, at: now)
        }
        let failure = Failure.keptDying(deaths: 10, last: .signal(6))
        #expect(child.handle(.ended(.signal(6)), at: now) == [.report(.failed(failure))])
        #expect(child.state == .failed(failure))
        #expect(child.deadline == now + 60_000)
        #expect(child.deaths == 10)
        #expect(child.lastDeath == .signal(6))
    }

    @Test(arguments: [ExitReason.exit(1), .exit(2), .exit(64), .signal(11), .couldNotStart(-2)])
    func aChildThatHasFailedIsTriedOnceAMinuteForEverAndEachFailureIsReported(ending: ExitReason) throws {
        var child = child()
        var now: Int64 = 0
        _ = child.handle(.start, at: now)
        for _ in 0..<10 {
            _ = child.handle(.ended(ending), at: now)
            now = child.deadline ?? now
            if case .backoff = child.state { _ = child.handle(.deadline, at: now) }
        }
        for round in 1...100 {
            #expect(child.handle(.deadline, at: now - 1) == [])
            #expect(child.handle(.deadline, at: now) == [.spawn])
            now += 5
            guard case .report(.failed)? = child.handle(.ended(ending), at: now).last else {
                throw TestFailure("round \(round): \(child.state)")
            }
            #expect(child.deadline == now + 60_000)
            now += 60_000
        }
        #expect(child.restarts.values.reduce(0, +) == child.launches - 1)
        // The cause has passed: from here on it behaves like any other child.
        #expect(child.handle(.deadline, at: now) == [.spawn])
        _ = child.handle(.saidReady, at: now + 10)
        let actions = child.handle(.ended(.signal(9)), at: now + 5_000)
        #expect(actions == [.report(.crashed(.signal(9), restartInMillis: 0))])
    }

    @Test func aFailedChildThatIsStoppedOrDrainedIsNotTriedAgain() {
        for event in [ChildEvent.stop, .stopAtOnce, .drain(withinMillis: 5), .move(drainWithinMillis: 5)] {
            var child = child(after: [(.start, 0), (.ended(.exit(2)), 10), (event, 20)])
            #expect(child.deadline == nil)
            #expect(child.handle(.deadline, at: 1_000_000) == [])
        }
    }

    @Test func aHealthyTimeWipesTheSlateSoThatAChildMayDieOnceADayForever() {
        var child = child()
        var now: Int64 = 0
        _ = child.handle(.start, at: now)
        for _ in 0..<100 {
            _ = child.handle(.saidReady, at: now)
            now += 1_000
            let actions = child.handle(.ended(.signal(9)), at: now)
            #expect(actions == [.report(.crashed(.signal(9), restartInMillis: 0))])
            _ = child.handle(.deadline, at: now)
        }
    }

    @Test func beingReadyForAMomentDoesNotWipeTheSlate() {
        var child = child()
        var now: Int64 = 0
        _ = child.handle(.start, at: now)
        for _ in 0..<10 {
            _ = child.handle(.saidReady, at: now)
            now += 999
            _ = child.handle(.ended(.signal(9)), at: now)
            now += 10_000
            _ = child.handle(.deadline, at: now)
        }
        #expect(child.state == .failed(.keptDying(deaths: 10, last: .signal(9))))
    }

    @Test(arguments: [2, 64] as [Int32])
    func anExitCodeThatAsksForItIsNotAnsweredWithARestartAtOnce(code: Int32) {
        var child = child(after: [(.start, 0)])
        #expect(child.handle(.ended(.exit(code)), at: 5) == [.report(.failed(.refused(exitCode: code)))])
    }

    @Test func aSignalWithTheNumberOfAFinalExitCodeIsAnOrdinaryDeath() {
        var child = child(after: [(.start, 0)])
        #expect(child.handle(.ended(.signal(2)), at: 5) == [.report(.crashed(.signal(2), restartInMillis: 0))])
    }

    @Test func leavingWithoutBeingAskedIsADeathEvenWithExitCodeZero() {
        var child = child(after: [(.start, 0), (.saidReady, 1)])
        #expect(child.handle(.ended(.exit(0)), at: 5) == [.report(.crashed(.exit(0), restartInMillis: 0))])
    }

    @Test func aProgramThatCannotBeStartedIsTriedAgainLikeOneThatDied() {
        var child = child(after: [(.start, 0)])
        let ending = ExitReason.couldNotStart(-2)
        #expect(child.handle(.ended(ending), at: 0) == [.report(.crashed(ending, restartInMillis: 0))])
    }

    @Test func startingAFailedChildByHandGivesItAllItsChancesAgain() {
        var child = child(after: [(.start, 0), (.ended(.exit(2)), 0)])
        #expect(child.handle(.start, at: 1) == [.spawn])
        #expect(child.handle(.ended(.exit(1)), at: 1) == [.report(.crashed(.exit(1), restartInMillis: 0))])
    }

    // MARK: - The watchdog

    @Test func aChildThatNeverBeatsIsNotWatched() {
        let child = child(after: [(.start, 0), (.saidReady, 10)])
        #expect(child.deadline == nil)
    }

    @Test func eachBeatMovesTheDeadline() {
        var child = child(after: [(.start, 0), (.saidReady, 10)])
        for second in 1...100 as ClosedRange<Int64> {
            #expect(child.handle(.heartbeat, at: second * 1_000) == [])
            #expect(child.deadline == second * 1_000 + 20_000)
        }
    }

    @Test func aStalledChildIsAbortedThenKilledThenReplaced() {
        var child = child(after: [(.start, 0), (.saidReady, 0), (.heartbeat, 1_000)])
        #expect(child.handle(.deadline, at: 21_000) == [.report(.stalled), .send(.abort)])
        #expect(child.handle(.deadline, at: 24_000) == [.report(.killed), .send(.kill)])
        #expect(child.deadline == nil)
        #expect(child.handle(.ended(.signal(9)), at: 24_001) == [.report(.crashed(.signal(9), restartInMillis: 0))])
        #expect(child.handle(.deadline, at: 24_001) == [.spawn])
    }

    @Test func aSupervisorThatWasItselfStoppedBlamesNobody() {
        var child = child(after: [(.start, 0)])
        #expect(child.handle(.deadline, at: 60_000) == [])
        #expect(child.deadline == 75_000)
        _ = child.handle(.saidReady, at: 60_001)
        _ = child.handle(.heartbeat, at: 61_000)
        #expect(child.handle(.deadline, at: 300_000) == [])
        #expect(child.deadline == 320_000)
    }

    @Test func stoppingAChildThatIsBeingReplacedWaitsNoLongerThanItWouldHaveAnyway() {
        var child = child(after: [(.start, 0), (.deadline, 15_000)])
        #expect(child.handle(.stop, at: 17_000) == [])
        #expect(child.deadline == 18_000)
        _ = child.handle(.deadline, at: 18_000)
        #expect(child.handle(.ended(.signal(9)), at: 18_001) == [.report(.stopped(.signal(9)))])
    }

    @Test func aChildThatSurvivesEvenSIGKILLDoesNotHoldUpTheStop() {
        var child = child(after: [(.start, 0), (.stop, 0)])
        #expect(child.handle(.deadline, at: 3_000) == [.report(.killed), .send(.kill)])
        #expect(child.handle(.deadline, at: 5_000) == [.report(.abandoned)])
        #expect(child.state == .stopped)
    }
}
