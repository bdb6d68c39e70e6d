import StratumProtocol
import Testing

@testable import StratumSession

/// Choosing among several pools.
struct FailoverTests {
    /// Three pools that are all down.
    private func down(retries: Int = 3) -> ShardHarness {
        let harness = ShardHarness(pools: 3) { $0.retries = retries }
        for pool in 0..<3 { harness.pools[pool].door = .closed }
        harness.join()
        return harness
    }

    @Test func theSecondIsDialledAfterSoManyFailuresOfTheFirstAndTheThirdAfterOneOfTheSecond() {
        let harness = down()
        #expect([harness.dials(0), harness.dials(1), harness.dials(2)] == [1, 0, 0])
        harness.pass(Milliseconds(1_100))
        #expect([harness.dials(0), harness.dials(1), harness.dials(2)] == [2, 0, 0])
        harness.pools[1].door = .silent
        harness.pass(Milliseconds(1_100))
        #expect([harness.dials(0), harness.dials(1), harness.dials(2)] == [3, 1, 0])
        harness.drop(harness.peer(1))
        #expect(harness.dials(2) == 1)
    }

    @Test func untilOneIsThereAllThatWereDialledAreTriedAgain() {
        let harness = down(retries: 1)
        harness.pass(.seconds(10))
        #expect((0..<3).allSatisfy { harness.dials($0) >= 9 })
    }

    @Test func theFirstToGiveAJobIsUsedAndTheOtherBackupsAreLetGo() {
        let harness = down(retries: 1)
        harness.pools[1].door = .silent
        harness.pools[2].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives == [2])
        #expect(harness.miners[0].job != nil)
        #expect(harness.open(1).isEmpty)
        let tried = harness.dials(1)
        harness.pass(.seconds(5))
        #expect(harness.dials(1) == tried)
        #expect(harness.dials(0) >= 5)
    }

    @Test func theFirstTakesOverWhenItIsBack() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives == [1])
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives == [1, 0])
        #expect(harness.miners[0].jobs.count == 2)
        harness.pass(Limits.lateShares)
        #expect(harness.open(1).isEmpty)
        harness.submit(harness.miners[0])
        #expect(harness.peer(0).shares.count == 1)
        #expect(harness.settled.last?.pool == 0)
    }

    @Test func whatABackupOwesItMayAnswerAfterTheChange() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pass(Milliseconds(1_100))
        let miner = harness.miners[0]
        harness.submit(miner)
        harness.pools[1].verdict = .withhold
        harness.submit(miner)
        harness.submit(miner)
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        let backup = harness.peer(1)
        harness.newJob(pool: 1)
        #expect(miner.jobs.count == 2)
        harness.answer(backup.owed[0], of: backup)
        #expect(backup.isOpen)
        harness.answer(backup.owed[0], of: backup, refusal: "late")
        harness.pass(Limits.lateShares)
        #expect(!backup.isOpen)
        #expect(harness.settled.map(\.outcome) == [.accepted, .accepted, .rejected])
        #expect(harness.settled.map(\.pool) == [1, 1, 1])
        #expect(miner.owed.isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func aBackupThatDoesNotAnswerAfterTheChangeIsGivenUp() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[1].verdict = .withhold
        harness.pass(Milliseconds(1_100))
        harness.submit(harness.miners[0])
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        harness.pass(Limits.drain)
        #expect(harness.open(1).isEmpty)
        #expect(harness.settled.map(\.outcome) == [.poolLost])
        #expect(harness.miners[0].owed.isEmpty)
    }

    @Test func sharesForTheBackupsJobGoToTheBackupForAWhileAndAreStaleThen() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[1].job.id = "backup"
        harness.pass(Milliseconds(1_100))
        harness.submit(harness.miners[0])
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        harness.submit(harness.miners[0], job: "backup")
        #expect(harness.peer(1).shares.count == 2)
        harness.pass(Limits.lateShares)
        harness.submit(harness.miners[0], job: "backup")
        #expect(harness.settled.map(\.outcome) == [.accepted, .accepted, .invalid(.staleShare)])
        #expect(harness.settled.map(\.pool) == [1, 1, 0])
        #expect(harness.open(1).isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func whenABackupFailsThoseBeforeItAreTriedAgainToo() {
        let harness = down(retries: 1)
        harness.pools[2].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives == [2])
        harness.pools[1].door = .open
        harness.drop(harness.peer(2))
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives == [2, 1])
    }

    @Test func aFirstPoolThatComesAndGoesMustStayAwayLongerEachTime() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        // Lost soon after it has come, again and again: how long until it is used again?
        let absences = (0..<8).map { _ in
            harness.pass(.seconds(5))
            harness.submit(harness.miners[0])
            let before = harness.actives.count { $0 == 0 }
            harness.drop(harness.peer(0))
            var seconds: UInt64 = 0
            while harness.actives.count(where: { $0 == 0 }) == before, seconds < 1_000 {
                harness.pass(.seconds(1))
                seconds += 1
                harness.keepalive(harness.miners[0])
            }
            return seconds
        }
        #expect(absences[0] <= 2)
        #expect(absences.dropFirst() == [10, 20, 40, 80, 160, 300, 300])
        // A long stay makes it trusted again.
        harness.pass(.seconds(60))
        harness.drop(harness.peer(0))
        harness.pass(.seconds(2))
        #expect(harness.actives.last == 0)
        #expect(harness.violations.isEmpty)
    }

    @Test func aFirstPoolThatMustStayAwayIsUsedWhenThereIsNoOther() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        for _ in 0..<3 {
            harness.submit(harness.miners[0])
            harness.drop(harness.peer(0))
            harness.pass(.seconds(12))
        }
        #expect(harness.actives.last == 1)
        harness.pools[1].door = .closed
        harness.drop(harness.peer(1))
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives.last == 0)
    }

    @Test func anAcceptedShareForgivesTheFailuresOfTheFirst() {
        let (harness, miner) = ShardHarness.withMiner(pools: 2) { $0.retries = 2 }
        for _ in 0..<3 {
            harness.submit(miner)
            harness.drop(harness.peer(0))
            harness.pass(Milliseconds(1_100))
        }
        #expect(harness.dials(1) == 0)
        #expect(harness.actives == [0, 0, 0, 0])
    }

    @Test func aMinuteOfServiceForgivesTheFailuresOfTheFirst() {
        let harness = ShardHarness(pools: 2) { $0.retries = 2 }
        harness.join()
        for _ in 0..<3 {
            harness.pass(.seconds(61))
            harness.keepalive(harness.miners[0])
            harness.drop(harness.peer(0))
            harness.pass(Milliseconds(1_100))
        }
        #expect(harness.dials(1) == 0)
    }

    /// A login and a job are worth nothing when the connection ends before a share.
    @Test func aFirstPoolThatHangsUpAfterEachJobLeadsToTheBackup() {
        let (harness, miner) = ShardHarness.withMiner(pools: 2) { $0.retries = 3 }
        for _ in 0..<3 {
            harness.drop(harness.peer(0))
            harness.pass(Milliseconds(1_100))
        }
        #expect(harness.actives == [0, 0, 0, 1])
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        // Each further visit to the first is shorter than the backup's service, and rarer.
        var visits = 0
        for _ in 0..<60 {
            harness.pass(.seconds(1))
            guard let peer = harness.open(0).first, !peer.lines.isEmpty, harness.actives.last == 0 else { continue }
            visits += 1
            harness.drop(peer)
        }
        #expect((2...4).contains(visits))
        #expect(harness.violations.isEmpty)
    }

    @Test func whileABackupIsSlowTheUselessFirstRests() {
        let harness = ShardHarness(pools: 2) { $0.retries = 1 }
        harness.pools[1].door = .silent
        harness.join()
        harness.drop(harness.peer(0))
        harness.pass(Milliseconds(4_900))
        #expect(harness.dials(0) == 1 && harness.dials(1) == 1)
        harness.pass(Milliseconds(200))
        #expect(harness.dials(0) == 2)
    }
}
