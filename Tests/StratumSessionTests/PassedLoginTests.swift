import StratumProtocol
import Testing

@testable import StratumSession

/// Miners log in at the pool with their own logins (`millrace.pass-login`).
struct PassedLoginTests {
    private func harness(
        pools: Int = 1, _ adjust: (inout ShardPolicy) -> Void = { _ in }
    ) -> ShardHarness {
        ShardHarness(pools: pools) {
            $0.mode = .simple
            $0.reuse = .seconds(600)
            $0.passesLogins = true
            adjust(&$0)
        }
    }

    private func login(_ fields: String, at harness: ShardHarness) -> Miner {
        let miner = harness.connect()
        harness.request("login", "{\(fields)}", of: miner)
        return miner
    }

    private func params(_ peer: PoolPeer) -> [String] {
        let found = JSONParser().parse(Array(peer.lines[0].utf8).span) { root in
            ["login", "pass", "rigid"].map { root["params"][$0].string ?? "-" }
        }
        return found ?? []
    }

    @Test func thePoolGetsTheLoginOfTheMiner() {
        let harness = harness { $0.pools[0].rigID = "farm" }
        _ = login(#""login":"wallet1","pass":"p1","rigid":"r1""#, at: harness)
        _ = login(#""login":"wallet2""#, at: harness)
        _ = login(#""pass":"p3""#, at: harness)
        #expect(
            harness.open().map(params) == [
                ["wallet1", "p1", "r1"], ["wallet2", "x", "farm"], ["user0", "p3", "farm"],
            ])
    }

    @Test func withoutTheKeyItGetsTheOperators() {
        let harness = harness { $0.passesLogins = false }
        _ = login(#""login":"wallet1","pass":"p1","rigid":"r1""#, at: harness)
        #expect(harness.open().map(params) == [["user0", "x", "-"]])
    }

    @Test func theAccessPasswordDoesNotLeaveTheProxy() {
        let harness = harness { $0.accessPassword = "sesame" }
        _ = login(#""login":"wallet1","pass":"sesame""#, at: harness)
        #expect(harness.open().map(params) == [["wallet1", "x", "-"]])
    }

    @Test func aBackupGetsItToo() {
        let harness = harness(pools: 2)
        harness.pools[0].door = .closed
        _ = login(#""login":"wallet1""#, at: harness)
        harness.pass(.seconds(3))
        #expect(harness.open(1).map(params) == [["wallet1", "x", "-"]])
    }

    @Test(arguments: [256, 257])
    func aLoginThatWouldHaveToBeCutIsRefused(length: Int) {
        let harness = harness()
        let miner = login(#""login":"\#(String(repeating: "w", count: length))""#, at: harness)
        #expect(miner.closed == (length > 256 ? .answered(.badParams) : nil))
        #expect(miner.heard.count == 1)
    }

    @Test func aRefusedLoginConcernsThatMinerOnly() {
        let harness = harness()
        let first = login(#""login":"wallet1","pass":"secret""#, at: harness)
        harness.pools[0].login = .refused("Your IP is banned, secret wallet")
        let second = login(#""login":"wallet2","pass":"secret""#, at: harness)
        #expect(second.heard == [.refused(1, "Your IP is banned, *** wallet")])
        #expect(second.closed == .poolRefusedLogin("Your IP is banned, *** wallet"))
        #expect(harness.open().count == 1)
        // The pool is not left alone for a ban.
        harness.pools[0].login = .welcome
        let third = login(#""login":"wallet3""#, at: harness)
        #expect(third.jobs.count == 1)
        #expect(first.isConnected)
        #expect(harness.failures.isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func aMinerThatGaveNothingHasTheOperatorsLogin() {
        let harness = harness { $0.accessPassword = "sesame" }
        let miner = login(#""login":"","pass":"sesame""#, at: harness)
        #expect(harness.open().map(params) == [["user0", "x", "-"]])
        #expect(harness.shard.upstreams[0].login == nil && miner.jobs.count == 1)
    }

    @Test func theOtherPoolsAreTriedBeforeAMinerIsRefused() {
        let harness = harness(pools: 2)
        harness.pools[0].login = .refused("IP Address currently banned")
        let first = login(#""login":"wallet1""#, at: harness)
        #expect(harness.open(1).map(params) == [["wallet1", "x", "-"]] && first.jobs.count == 1)
        harness.pools[1].login = .refused("wrong wallet")
        let second = login(#""login":"wallet2""#, at: harness)
        #expect(second.heard == [.refused(1, "wrong wallet")])
        // While the backup serves, the first pool may refuse as often as it likes.
        harness.pass(.seconds(120))
        #expect(first.isConnected && harness.failures.isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func aLoginThatIsRefusedLaterIsNotRepeated() {
        let harness = harness()
        let mining = login(#""login":"wallet1","pass":"secret""#, at: harness)
        harness.pools[0].login = .refused("wallet1 with secret is closed")
        harness.drop(harness.peer())
        harness.pass(.seconds(10))
        #expect(mining.closed == .poolRefusedLogin("wallet1 with *** is closed"))
        #expect(harness.dials() == 2 && harness.poolErrors == ["wallet1 with *** is closed"])
        // Nor is that of a miner that has left.
        harness.pools[0].login = .unanswered
        harness.leave(login(#""login":"wallet2""#, at: harness))
        let peer = harness.peer()
        harness.send(#"{"id":1,"error":{"code":-1,"message":"no"}}"#, from: peer)
        harness.pass(.seconds(60))
        #expect(harness.dials() == 3)
        #expect(harness.violations.isEmpty)
    }

    @Test func theBanOfOneAccountConcernsItOnly() {
        let harness = harness()
        let banned = login(#""login":"wallet1""#, at: harness)
        harness.pools[0].verdict = .refuse("Your IP is banned")
        harness.submit(banned)
        harness.pools[0].verdict = .accept
        let other = login(#""login":"wallet2""#, at: harness)
        #expect(other.jobs.count == 1)
        harness.submit(other)
        #expect(other.answer == .status(other.lastRequest, "OK"))
        #expect(harness.shard.seats[0].bannedUntil <= harness.now)
        #expect(harness.violations.isEmpty)
    }

    @Test func anIdleConnectionIsForTheSameLoginOnly() {
        let harness = harness()
        harness.leave(login(#""login":"wallet1""#, at: harness))
        harness.newJob()
        _ = login(#""login":"wallet2""#, at: harness)
        #expect(harness.dials() == 2)
        _ = login(#""login":"wallet1""#, at: harness)
        #expect(harness.dials() == 2)
        #expect(harness.violations.isEmpty)
    }
}
