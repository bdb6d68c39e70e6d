import StratumProtocol
import Testing

@testable import StratumSession

/// Reaching pools, losing them, choosing among them.
struct PoolTests {
    private func failures(_ harness: ShardHarness) -> [PoolFailure] {
        harness.news.compactMap { if case .poolFailed(_, let failure) = $0 { failure } else { nil } }
    }

    private func actives(_ harness: ShardHarness) -> [Int] {
        harness.news.compactMap { if case .poolActive(let id) = $0 { Int(id.pool) } else { nil } }
    }

    /// How often a pool was dialled.
    private func dials(_ harness: ShardHarness, _ pool: Int = 0) -> Int {
        harness.peers.count { Int($0.id.pool) == pool }
    }

    // MARK: - One pool

    @Test(arguments: [Int.max, 1])
    func theFirstMinerOpensTheFirstConnection(chunk: Int) {
        let harness = ShardHarness(chunk: chunk)
        #expect(harness.peers.isEmpty)
        harness.join()
        #expect(
            harness.peer().lines == [
                #"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"user0","pass":"x","agent":"millrace/test"}}"#
            ])
        #expect(actives(harness) == [0])
        #expect(harness.shard.upstreamCounts == (active: 1, sleeping: 0, error: 0))
    }

    @Test func aShardThatKeepsItsFirstUpstreamOpensItAtOnceAndForEver() {
        let harness = ShardHarness { $0.keepsFirstUpstream = true }
        #expect(actives(harness) == [0])
        harness.pass(.seconds(200))
        #expect(dials(harness) == 1)
        #expect(harness.open().count == 1)
    }

    @Test func aPoolThatIsDownIsTriedAgainAfterThePause() {
        let harness = ShardHarness { $0.retryPause = .seconds(5) }
        harness.pools[0].door = .closed
        harness.join()
        #expect(dials(harness) == 1)
        harness.pass(Milliseconds(4_900))
        #expect(dials(harness) == 1)
        harness.pass(Milliseconds(200))
        #expect(dials(harness) == 2)
        #expect(harness.shard.upstreamCounts == (active: 0, sleeping: 0, error: 1))
        harness.pools[0].door = .open
        harness.pass(.seconds(5))
        #expect(harness.miners[0].job != nil)
    }

    @Test func theSameFailureIsReportedOnceAMinute() {
        let harness = ShardHarness()
        harness.pools[0].door = .closed
        harness.join()
        harness.pass(.seconds(50))
        #expect(failures(harness) == [.connection("connection refused")])
        harness.pass(.seconds(15))
        #expect(failures(harness).count == 2)
        harness.pools[0].door = .silent
        harness.pass(.seconds(25))
        #expect(failures(harness).last == .connectTimeout)
    }

    @Test func aConnectionThatDoesNotStandAfterTwentySecondsHasFailed() {
        let harness = ShardHarness()
        harness.pools[0].door = .silent
        harness.join()
        harness.pass(Milliseconds(19_900))
        #expect(failures(harness).isEmpty)
        harness.pass(Milliseconds(100))
        #expect(failures(harness) == [.connectTimeout])
        #expect(!harness.peers[0].isOpen)
        // It stands after all: too late.
        harness.shard.poolConnected(harness.peers[0].id, at: harness.now)
        harness.perform()
        #expect(harness.peers[0].lines.isEmpty)
    }

    @Test func aLoginThatIsRefusedIsAFailureInThePoolsWords() {
        let harness = ShardHarness()
        harness.pools[0].login = .refused("invalid address")
        harness.join()
        #expect(failures(harness) == [.loginRefused("invalid address")])
        #expect(harness.poolErrors == ["invalid address"])
        #expect(!harness.peers[0].isOpen)
        harness.pass(Milliseconds(1_100))
        #expect(dials(harness) == 2)
    }

    @Test(arguments: [PoolConduct.Login.unanswered, .withoutJob])
    func aPoolThatGivesNoJobInTwentySecondsHasFailed(login: PoolConduct.Login) {
        let harness = ShardHarness()
        harness.pools[0].login = login
        harness.join()
        harness.pass(Milliseconds(19_900))
        #expect(failures(harness).isEmpty)
        harness.pass(Milliseconds(200))
        #expect(failures(harness) == [.noAnswer])
    }

    @Test func aPoolThatDoesNotAnswerAShareInTwentySecondsHasFailed() {
        let harness = ShardHarness()
        let miner = harness.join()
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        harness.pass(.seconds(10))
        harness.submit(miner)
        // The second one is answered: the first is what counts.
        harness.answer(harness.peer().owed[1], of: harness.peer())
        harness.pass(Milliseconds(9_900))
        #expect(failures(harness).isEmpty)
        harness.pass(Milliseconds(200))
        #expect(failures(harness) == [.noAnswer])
        #expect(harness.settled.map(\.outcome) == [.accepted, .poolLost])
        #expect(miner.heard.last == .refused(2, "Bad gateway"))
    }

    @Test(arguments: ["not json", "[]", #"{"method":"job","params":{"job_id":"x"}}"#])
    func aPoolThatTalksNonsenseIsLeft(line: String) {
        let harness = ShardHarness()
        let miner = harness.join()
        let peer = harness.peer()
        harness.send(line, from: peer)
        #expect(!peer.isOpen)
        #expect(failures(harness).count == 1)
        #expect(miner.isConnected)
        harness.pass(.seconds(2))
        #expect(harness.open().count == 1)
    }

    @Test func theSameJobAgainIsPassedOver() {
        let harness = ShardHarness()
        let miner = harness.join()
        harness.newJob()
        harness.sendJob(to: harness.peer())
        #expect(miner.jobs.count == 2)
        #expect(harness.open().count == 1)
        #expect(harness.news.count { if case .newJob = $0 { true } else { false } } == 2)
        // The job before is still the one before.
        harness.submit(miner, job: "j1")
        #expect(miner.answer == .status(2, "OK"))
    }

    @Test func theSameJobOverANewConnectionGoesOnlyToWhoDoesNotHaveIt() {
        let harness = ShardHarness()
        harness.pools[0].job.differsByConnection = false
        let miner = harness.join()
        harness.submit(miner, nonce: 5)
        harness.drop(harness.peer())
        let waiting = harness.join()
        harness.pass(.seconds(2))
        #expect(waiting.job != nil)
        #expect(miner.jobs.count == 1)
        harness.submit(miner)
        #expect(miner.answer == .status(3, "OK"))
        harness.submit(miner, nonce: 5)
        #expect(miner.answer == .refused(4, "Duplicate share"))
        #expect(harness.violations.isEmpty)
    }

    @Test func lateNewsAboutAFormerConnectionIsIgnored() {
        let harness = ShardHarness()
        let miner = harness.join()
        let old = harness.peer()
        harness.drop(old)
        harness.pass(.seconds(2))
        let current = harness.peer()
        harness.sendJob(to: old)
        harness.send("nonsense", from: old)
        harness.drop(old)
        harness.shard.poolConnected(old.id, at: harness.now)
        harness.shard.poolConnected(current.id, at: harness.now)
        harness.perform()
        #expect(current.isOpen)
        #expect(current.lines.count == 1)
        #expect(miner.jobs.count == 2)
        let stranger = PoolConnectionID(upstream: 9, pool: 0, generation: 1)
        harness.shard.poolClosed(stranger, reason: "", at: harness.now)
        harness.shard.poolClosed(
            PoolConnectionID(upstream: 0, pool: 9, generation: 1), reason: "", at: harness.now)
        #expect(harness.shard.upstreamCounts == (active: 1, sleeping: 0, error: 0))
    }

    // MARK: - Keepalives

    @Test func aPoolThatOffersThemGetsKeepalivesInOurSilence() {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(30) }
        let miner = harness.join()
        let peer = harness.peer()
        harness.pass(.seconds(29))
        harness.submit(miner)
        harness.pass(.seconds(29))
        #expect(peer.keepalives.isEmpty)
        harness.pass(.seconds(2))
        #expect(peer.keepalives.count == 1)
        #expect(peer.lines.last?.contains(#""params":{"id":"s1"}"#) == true)
        harness.pass(.seconds(60))
        #expect(peer.keepalives.count == 3)
        #expect(peer.isOpen)
    }

    @Test func otherPoolsGetNone() {
        let harness = ShardHarness()
        harness.pools[0].extensions = []
        harness.join()
        harness.pass(.seconds(300))
        #expect(harness.peer().keepalives.isEmpty)
    }

    @Test func anIntervalOfZeroMeansAMinute() {
        #expect(ShardPolicy.Pool(user: "", password: "", keepalive: .seconds(0)).keepalive == .seconds(60))
    }

    @Test(arguments: [UInt64(1), 5, 60])
    func aKeepaliveWithoutAnswerInTwentySecondsIsAFailure(interval: UInt64) {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(interval) }
        harness.pools[0].answersKeepalives = false
        harness.join()
        harness.pass(.seconds(interval + 19))
        #expect(harness.peers[0].keepalives.count == 1)
        #expect(failures(harness).isEmpty)
        harness.pass(.seconds(2))
        #expect(failures(harness) == [.noAnswer])
    }

    // MARK: - Several pools

    /// Three pools that are all down.
    private func down(retries: Int = 3) -> ShardHarness {
        let harness = ShardHarness(pools: 3) { $0.retries = retries }
        for pool in 0..<3 { harness.pools[pool].door = .closed }
        harness.join()
        return harness
    }

    @Test func theSecondIsDialledAfterSoManyFailuresOfTheFirstAndTheThirdAfterOneOfTheSecond() {
        let harness = down()
        #expect([dials(harness, 0), dials(harness, 1), dials(harness, 2)] == [1, 0, 0])
        harness.pass(Milliseconds(1_100))
        #expect([dials(harness, 0), dials(harness, 1), dials(harness, 2)] == [2, 0, 0])
        harness.pools[1].door = .silent
        harness.pass(Milliseconds(1_100))
        #expect([dials(harness, 0), dials(harness, 1), dials(harness, 2)] == [3, 1, 0])
        harness.drop(harness.peer(1))
        #expect(dials(harness, 2) == 1)
    }

    @Test func untilOneIsThereAllThatWereDialledAreTriedAgain() {
        let harness = down(retries: 1)
        harness.pass(.seconds(10))
        #expect((0..<3).allSatisfy { dials(harness, $0) >= 9 })
    }

    @Test func theFirstToGiveAJobIsUsedAndTheOtherBackupsAreLetGo() {
        let harness = down(retries: 1)
        harness.pools[1].door = .silent
        harness.pools[2].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(actives(harness) == [2])
        #expect(harness.miners[0].job != nil)
        #expect(harness.open(1).isEmpty)
        let tried = dials(harness, 1)
        harness.pass(.seconds(5))
        #expect(dials(harness, 1) == tried)
        #expect(dials(harness, 0) >= 5)
    }

    @Test func theFirstTakesOverWhenItIsBack() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(actives(harness) == [1])
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(actives(harness) == [1, 0])
        #expect(harness.open(1).isEmpty)
        #expect(harness.miners[0].jobs.count == 2)
        harness.submit(harness.miners[0])
        #expect(harness.peer(0).shares.count == 1)
        #expect(harness.settled.last?.pool == 0)
    }

    @Test func whatABackupOwesItMayAnswerAfterTheChange() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[1].verdict = .withhold
        harness.pass(Milliseconds(1_100))
        let miner = harness.miners[0]
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
        #expect(!backup.isOpen)
        #expect(harness.settled.map(\.outcome) == [.accepted, .rejected])
        #expect(harness.settled.map(\.pool) == [1, 1])
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
        harness.pass(Milliseconds(20_000))
        #expect(harness.open(1).isEmpty)
        #expect(harness.settled.map(\.outcome) == [.poolLost])
        #expect(harness.miners[0].owed.isEmpty)
    }

    @Test func sharesForTheBackupsJobAreStaleAfterTheChange() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[1].job.id = "backup"
        harness.pass(Milliseconds(1_100))
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        harness.submit(harness.miners[0], job: "backup")
        #expect(harness.settled.map(\.outcome) == [.invalid(.staleShare)])
    }

    @Test func whenABackupFailsThoseBeforeItAreTriedAgainToo() {
        let harness = down(retries: 1)
        harness.pools[2].door = .open
        harness.pass(Milliseconds(1_100))
        #expect(actives(harness) == [2])
        harness.pools[1].door = .open
        harness.drop(harness.peer(2))
        harness.pass(Milliseconds(1_100))
        #expect(actives(harness) == [2, 1])
    }

    @Test func aFirstPoolThatComesAndGoesMustStayAwayLongerEachTime() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        // Lost soon after it has come, again and again: how long until it is used again?
        let absences = (0..<8).map { _ in
            harness.pass(.seconds(5))
            let before = actives(harness).count { $0 == 0 }
            harness.drop(harness.peer(0))
            var seconds: UInt64 = 0
            while actives(harness).count(where: { $0 == 0 }) == before, seconds < 1_000 {
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
        #expect(actives(harness).last == 0)
        #expect(harness.violations.isEmpty)
    }

    @Test func aFirstPoolThatMustStayAwayIsUsedWhenThereIsNoOther() {
        let harness = down(retries: 1)
        harness.pools[1].door = .open
        harness.pools[0].door = .open
        harness.pass(Milliseconds(1_100))
        for _ in 0..<3 {
            harness.drop(harness.peer(0))
            harness.pass(.seconds(12))
        }
        #expect(actives(harness).last == 1)
        harness.pools[1].door = .closed
        harness.drop(harness.peer(1))
        harness.pass(Milliseconds(1_100))
        #expect(actives(harness).last == 0)
    }

    @Test func oneSuccessOfTheFirstForgivesItsFailures() {
        let harness = ShardHarness(pools: 2) { $0.retries = 2 }
        harness.join()
        for _ in 0..<3 {
            harness.drop(harness.peer(0))
            harness.pass(Milliseconds(1_100))
        }
        #expect(dials(harness, 1) == 0)
        #expect(actives(harness) == [0, 0, 0, 0])
    }
}
