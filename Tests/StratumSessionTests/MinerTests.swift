import StratumProtocol
import Testing

@testable import StratumSession

/// Logging in, staying, leaving.
struct MinerTests {
    @Test(arguments: [Int.max, 1, 7])
    func aDayInTheLifeOfAMiner(chunk: Int) {
        let (harness, miner) = ShardHarness.withMiner(chunk: chunk)
        #expect(miner.heard == [.loggedIn(1, extensions: ["algo", "nicehash", "keepalive"])])
        harness.submit(miner, algorithm: "cn/r")
        #expect(miner.answer == .status(2, "OK"))
        harness.keepalive(miner)
        #expect(miner.answer == .status(3, "KEEPALIVED"))
        harness.newJob()
        #expect(miner.job?.id == "j2")
        harness.submit(miner)
        #expect(miner.answer == .status(4, "OK"))
        #expect(harness.settled.map(\.outcome) == [.accepted, .accepted])
        #expect(harness.shard.minersNow == 1)
        harness.leave(miner)
        #expect(harness.shard.minersNow == 0)
        #expect(harness.shard.connections == 0)
        #expect(harness.keys.isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func algoIsOfferedUnlessTheOperatorDoesNotWantIt() {
        let harness = ShardHarness { $0.offersAlgoExtension = false }
        #expect(harness.join().heard == [.loggedIn(1, extensions: ["nicehash", "keepalive"])])
    }

    @Test(arguments: [("secret", true), ("Secret", false), ("secret2", false), ("", false)])
    func theAccessPasswordLetsIn(password: String, isRight: Bool) {
        let harness = ShardHarness { $0.accessPassword = "secret" }
        let miner = harness.join(password: password)
        #expect(miner.isConnected == isRight)
        if !isRight {
            #expect(miner.heard == [.refused(1, "Permission denied")])
            #expect(miner.closed == .permissionDenied)
        }
    }

    @Test func theAccessPasswordIsComparedByteByByte() {
        // Equal to a Swift string, and yet other bytes: é as one character, and as two.
        let harness = ShardHarness { $0.accessPassword = "caf\u{e9}" }
        #expect(!harness.join(password: "cafe\u{301}").isConnected)
        #expect(harness.join(password: "caf\u{e9}").isConnected)
    }

    @Test func withAnAccessPasswordNoPasswordIsNotEnough() {
        let harness = ShardHarness { $0.accessPassword = "" }
        let miner = harness.connect()
        harness.request("login", #"{"login":"farm"}"#, of: miner)
        #expect(miner.closed == .permissionDenied)
    }

    @Test(arguments: [
        #"{"id":1,"method":"submit","params":{}}"#, #"{"id":1,"method":"keepalived","params":{}}"#,
        #"{"id":1,"method":"getjob","params":{"a":"b"}}"#,
    ])
    func beforeTheLoginNothingElseIsHeard(line: String) {
        let harness = ShardHarness()
        let miner = harness.connect()
        harness.send(line, from: miner)
        #expect(miner.closed == .outOfTurn)
        #expect(miner.heard.isEmpty)
    }

    @Test func aSecondLoginIsAnInvalidMethod() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.login(miner)
        #expect(miner.answer == .refused(2, "Invalid method"))
        harness.request("getjob", #"{"a":"some more bytes"}"#, of: miner)
        #expect(miner.answer == .refused(3, "Invalid method"))
        #expect(miner.isConnected)
    }

    @Test func whatIsNoRequestClosesTheConnection() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.send("this is not a request, by no means", from: miner)
        #expect(miner.closed == .fault(.notARequest))
        #expect(harness.shard.connections == 0)
    }

    @Test func aMinerThatComesBeforeTheFirstJobWaitsForIt() {
        let harness = ShardHarness()
        harness.pools[0].login = .withoutJob
        let miner = harness.join()
        harness.pass(.seconds(19))
        #expect(miner.heard.isEmpty)
        #expect(miner.isConnected)
        #expect(harness.shard.minersNow == 0)
        harness.newJob()
        #expect(miner.heard == [.loggedIn(1, extensions: ["algo", "nicehash", "keepalive"])])
        #expect(harness.shard.minersNow == 1)
    }

    @Test func whoWaitsMaySayThatItIsAliveAndNothingElse() {
        let harness = ShardHarness()
        harness.pools[0].door = .closed
        let miner = harness.join()
        harness.keepalive(miner)
        #expect(miner.answer == .status(2, "KEEPALIVED"))
        for method in ["submit", "login", "getjob"] {
            let other = harness.join()
            harness.request(method, #"{"login":"farm"}"#, of: other)
            #expect(other.closed == .outOfTurn)
        }
    }

    @Test func whoDoesNotLogInIsClosedAfterTenSeconds() {
        let harness = ShardHarness()
        let miner = harness.connect()
        harness.pass(.seconds(9))
        #expect(miner.isConnected)
        harness.pass(.seconds(2))
        #expect(miner.closed == .loginTimeout)
    }

    @Test func whoIsSilentIsClosedAfterTenMinutes() {
        let harness = ShardHarness()
        let (silent, alive, waiting) = (harness.join(), harness.join(), harness.join())
        harness.pass(.seconds(300))
        harness.keepalive(alive)
        harness.submit(waiting)
        harness.pass(.seconds(299))
        #expect(silent.isConnected)
        harness.pass(.seconds(2))
        #expect(silent.closed == .idleTimeout)
        #expect(alive.isConnected)
        #expect(waiting.isConnected)
        harness.pass(.seconds(300))
        #expect(alive.closed == .idleTimeout)
        #expect(waiting.closed == .idleTimeout)
    }

    @Test func whoWaitsForAJobIsClosedAfterTenMinutesToo() {
        let harness = ShardHarness()
        harness.pools[0].door = .closed
        let miner = harness.join()
        harness.pass(.seconds(599))
        #expect(miner.isConnected)
        harness.pass(.seconds(2))
        #expect(miner.closed == .idleTimeout)
    }

    @Test func lateNewsAboutAFormerConnectionIsIgnored() {
        let (harness, first) = ShardHarness.withMiner()
        harness.leave(first)
        let second = harness.join()
        #expect(second.id.index == first.id.index)
        #expect(second.id.generation != first.id.generation)
        harness.shard.minerClosed(first.id, at: harness.now)
        harness.shard.fault(.invalidJSON, of: first.id, at: harness.now)
        harness.shard.handle(.keepalived(id: 9), from: first.id, at: harness.now)
        harness.perform()
        #expect(second.isConnected)
        #expect(second.heard.count == 1)
        #expect(harness.shard.connections == 1)
        #expect(harness.violations.isEmpty)
    }

    @Test func theAnswerToAShareOfAMinerThatHasLeftGoesToNobodyAndIsCounted() {
        let harness = ShardHarness()
        harness.pools[0].verdict = .withhold
        let first = harness.join()
        harness.submit(first)
        harness.leave(first)
        let second = harness.join()
        let peer = harness.peer()
        harness.answer(peer.owed[0], of: peer)
        #expect(harness.settled.map(\.outcome) == [.accepted])
        #expect(second.heard.count == 1)
        #expect(harness.violations.isEmpty)
    }

    @Test func aListingShowsTheDifficultyOfWhoHasAJob() {
        let harness = ShardHarness()
        let (plain, custom, waiting) = (harness.join(), harness.join("farm+5000"), harness.connect())
        #expect(harness.shard.difficulty(of: plain.id) == 10_000)
        #expect(harness.shard.difficulty(of: custom.id) == 5_000)
        #expect(harness.shard.difficulty(of: waiting.id) == nil)
        harness.leave(plain)
        #expect(harness.shard.difficulty(of: plain.id) == nil)
    }
}
