import StratumProtocol
import Testing

@testable import StratumSession

/// The operator changes his mind while miners mine.
struct PolicyTests {
    @Test func aNewPasswordIsForNewLoginsAndNobodyIsSentAway() {
        let (harness, old) = ShardHarness.withMiner()
        harness.adopt { $0.accessPassword = "open sesame" }
        #expect(old.isConnected)
        harness.submit(old)
        #expect(old.answer == .status(old.lastRequest, "OK"))
        #expect(harness.join().closed == .permissionDenied)
        #expect(harness.join(password: "open sesame").isConnected)
        #expect(harness.violations.isEmpty)
    }

    /// Who is at the miners' port must not read it from there.
    @Test(arguments: [
        ("Rejected: bad pass hunter2.x", "Rejected: bad pass ***"), ("no such share", "no such share"),
        ("open sesame", "***"),
    ])
    func aPasswordThatAPoolRepeatsIsNotRelayed(words: String, told: String) {
        let harness = ShardHarness {
            $0.pools[0].password = "hunter2.x"
            $0.accessPassword = "open sesame"
        }
        let miner = harness.join(password: "open sesame")
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        #expect(miner.answer == .refused(miner.lastRequest, told))
    }

    @Test func aNewDifficultyIsForNewLogins() {
        let (harness, old) = ShardHarness.withMiner()
        harness.adopt { $0.customDifficulty = 500 }
        let new = harness.join()
        #expect(harness.shard.difficulty(of: old.id) == 10_000)
        #expect(harness.shard.difficulty(of: new.id) == 500)
    }

    @Test func aShardThatIsToKeepItsFirstUpstreamOpensItAtOnce() {
        let harness = ShardHarness()
        #expect(harness.dials() == 0)
        harness.adopt { $0.keepsFirstUpstream = true }
        #expect(harness.dials() == 1)
    }

    @Test func aMinerIsKnownByItsIntroductionUntilItsRowIsGivenAway() {
        let harness = ShardHarness()
        let miner = harness.connect()
        #expect(harness.shard.introduction(of: miner.id) == nil)
        harness.login(miner, "farm+5000", password: "pass")
        let introduction = MinerIntroduction(
            address: "192.0.2.0", login: "farm+5000", password: "pass", agent: "XMRig/6.26.0", rigID: nil)
        #expect(harness.shard.introduction(of: miner.id) == introduction)
        harness.leave(miner)
        #expect(harness.shard.introduction(of: miner.id) == introduction)
        let next = harness.join("another")
        #expect(next.id.index == miner.id.index)
        #expect(harness.shard.introduction(of: miner.id) == nil)
        #expect(harness.shard.introduction(of: next.id)?.login == "another")
    }

    @Test func behindALineThatEndsTheConnectionNothingIsRead() {
        let (harness, miner) = ShardHarness.withMiner()
        let keepalive = #"{"id":9,"method":"keepalived","params":{"id":"\#(miner.session)"}}"#
        harness.take(.minerBytes(miner.id), Array("nonsense\n\(keepalive)\n".utf8))
        harness.perform()
        #expect(miner.closed == .fault(.notARequest))
        #expect(harness.violations.isEmpty)
        #expect(harness.shard.traffic(of: miner.id) == nil)
    }
}
