import StratumProtocol
import Testing

@testable import StratumSession

/// The operator changes his mind while miners mine.
struct PolicyTests {
    private func adopt(_ harness: ShardHarness, _ change: (inout ShardPolicy) -> Void) {
        var policy = harness.shard.policy
        change(&policy)
        var measure = FormWriter(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        policy.encode(to: &measure)
        var bytes = [UInt8](repeating: 0, count: measure.count)
        bytes.withUnsafeMutableBytes { buffer in
            var form = FormWriter(into: buffer)
            policy.encode(to: &form)
        }
        harness.take(.policy, bytes)
        harness.perform()
        #expect(harness.shard.policy == policy)
    }

    @Test func aNewPasswordIsForNewLoginsAndNobodyIsSentAway() {
        let harness = ShardHarness()
        let old = harness.join()
        adopt(harness) { $0.accessPassword = "open sesame" }
        #expect(old.isConnected)
        harness.submit(old)
        #expect(old.answer == .status(old.lastRequest, "OK"))
        #expect(harness.join().closed == .permissionDenied)
        #expect(harness.join(password: "open sesame").isConnected)
        #expect(harness.violations.isEmpty)
    }

    @Test func aNewDifficultyIsForNewLogins() {
        let harness = ShardHarness()
        let old = harness.join()
        adopt(harness) { $0.customDifficulty = 500 }
        let new = harness.join()
        #expect(harness.shard.difficulty(of: old.id) == 10_000)
        #expect(harness.shard.difficulty(of: new.id) == 500)
    }

    @Test func thePoolLearnsOfANewUserWithItsNextLogin() {
        let harness = ShardHarness()
        harness.join()
        adopt(harness) { $0.pools[0].user = "somebody else" }
        #expect(harness.open().count == 1)
        harness.drop(harness.peer())
        harness.pass(.seconds(2))
        #expect(harness.peer().lines[0].contains(#""login":"somebody else""#))
    }

    @Test func aShardThatIsToKeepItsFirstUpstreamOpensItAtOnce() {
        let harness = ShardHarness()
        #expect(harness.dials() == 0)
        adopt(harness) { $0.keepsFirstUpstream = true }
        #expect(harness.dials() == 1)
    }

    @Test func moreOrFewerPoolsAreRefusedAndNothingChanges() {
        let harness = ShardHarness(pools: 2)
        var policy = harness.shard.policy
        policy.pools.removeLast()
        policy.accessPassword = "x"
        let isAdopted = harness.shard.adopt(policy, at: harness.now)
        #expect(!isAdopted)
        #expect(harness.shard.policy.accessPassword == nil)
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
        let harness = ShardHarness()
        let miner = harness.join()
        let keepalive = #"{"id":9,"method":"keepalived","params":{"id":"\#(miner.session)"}}"#
        harness.take(.minerBytes(miner.id), Array("nonsense\n\(keepalive)\n".utf8))
        harness.perform()
        #expect(miner.closed == .fault(.notARequest))
        #expect(harness.violations.isEmpty)
        #expect(harness.shard.traffic(of: miner.id) == nil)
    }
}
