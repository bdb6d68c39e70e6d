import StratumProtocol
import Testing

@testable import StratumSession

/// Reaching a pool, and losing it.
struct PoolTests {
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
        #expect(harness.actives == [0])
        #expect(harness.shard.upstreamCounts == (active: 1, sleeping: 0, error: 0))
    }

    @Test func aShardThatKeepsItsFirstUpstreamOpensItAtOnceAndForEver() {
        let harness = ShardHarness { $0.keepsFirstUpstream = true }
        #expect(harness.actives == [0])
        harness.pass(.seconds(200))
        #expect(harness.dials() == 1)
        #expect(harness.open().count == 1)
    }

    @Test func aPoolThatIsDownIsTriedAgainAfterThePause() {
        let harness = ShardHarness { $0.retryPause = .seconds(5) }
        harness.pools[0].door = .closed
        harness.join()
        #expect(harness.dials() == 1)
        harness.pass(Milliseconds(4_900))
        #expect(harness.dials() == 1)
        harness.pass(Milliseconds(200))
        #expect(harness.dials() == 2)
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
        #expect(harness.failures == [.connection("connection refused")])
        harness.pass(.seconds(15))
        #expect(harness.failures.count == 2)
        harness.pools[0].door = .silent
        harness.pass(.seconds(25))
        #expect(harness.failures.last == .connectTimeout)
    }

    @Test func aConnectionThatDoesNotStandAfterTwentySecondsHasFailed() {
        let harness = ShardHarness()
        harness.pools[0].door = .silent
        harness.join()
        harness.pass(Milliseconds(19_900))
        #expect(harness.failures.isEmpty)
        harness.pass(Milliseconds(100))
        #expect(harness.failures == [.connectTimeout])
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
        #expect(harness.failures == [.loginRefused("invalid address")])
        #expect(harness.poolErrors == ["invalid address"])
        #expect(!harness.peers[0].isOpen)
        harness.pass(Milliseconds(1_100))
        #expect(harness.dials() == 2)
    }

    @Test(arguments: [PoolConduct.Login.unanswered, .withoutJob])
    func aPoolThatGivesNoJobInTwentySecondsHasFailed(login: PoolConduct.Login) {
        let harness = ShardHarness()
        harness.pools[0].login = login
        harness.join()
        harness.pass(Milliseconds(19_900))
        #expect(harness.failures.isEmpty)
        harness.pass(Milliseconds(200))
        #expect(harness.failures == [.noAnswer])
    }

    @Test func aPoolThatDoesNotAnswerAShareInTwentySecondsHasFailed() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner)
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        harness.pass(.seconds(10))
        harness.submit(miner)
        // The second one is answered: the first is what counts.
        harness.answer(harness.peer().owed[1], of: harness.peer())
        harness.pass(Milliseconds(9_900))
        #expect(harness.failures.isEmpty)
        harness.pass(Milliseconds(200))
        #expect(harness.failures == [.noAnswer])
        #expect(harness.settled.map(\.outcome) == [.accepted, .accepted, .poolLost])
        #expect(miner.heard.last == .refused(3, "Bad gateway"))
    }

    @Test(arguments: [
        #"{"method":"job"}"#, #"{"method":"job","params":[]}"#, #"{"method":"job","params":{"job_id":"x"}}"#,
    ])
    func aPoolThatTalksNonsenseIsLeft(line: String) {
        let (harness, miner) = ShardHarness.withMiner()
        let peer = harness.peer()
        harness.send(line, from: peer)
        #expect(!peer.isOpen)
        #expect(harness.failures.count == 1)
        #expect(miner.isConnected)
        harness.pass(.seconds(2))
        #expect(harness.open().count == 1)
    }

    @Test func theSameJobAgainIsPassedOver() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner)
        harness.newJob()
        harness.sendJob(to: harness.peer())
        #expect(miner.jobs.count == 2)
        #expect(harness.open().count == 1)
        #expect(harness.notices.count { if case .newJob = $0 { true } else { false } } == 2)
        // The job before is still the one before.
        harness.submit(miner, job: "j1")
        #expect(miner.answer == .status(3, "OK"))
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
        let (harness, miner) = ShardHarness.withMiner()
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

    @Test(arguments: [UInt64(1), 5, 60])
    func aPoolThatUsedToAnswerKeepalivesFailsAfterTwentySecondsWithoutAnAnswer(interval: UInt64) {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(interval) }
        harness.join()
        harness.pass(.seconds(interval))
        #expect(harness.peers[0].keepalives.count == 1)
        harness.pools[0].answersKeepalives = false
        harness.pass(.seconds(interval + 19))
        #expect(harness.peers[0].keepalives.count == 2)
        #expect(harness.failures.isEmpty)
        harness.pass(.seconds(2))
        #expect(harness.failures == [.noAnswer])
    }
}
