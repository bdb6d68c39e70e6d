import StratumProtocol
import Testing

@testable import StratumSession

/// A quarantine holds in all shards, and the third one is a ban.
struct KnownQuarantineTests {
    private let harness = ShardHarness()

    private func submitJunk(_ miner: Miner, count: Int) {
        harness.pools[0].verdict = .refuse("Rejected share: invalid result")
        for _ in 0..<count { harness.submit(miner) }
        harness.pools[0].verdict = .accept
    }

    /// What the miner is told of its next share.
    private func refusal(_ miner: Miner) -> String? {
        harness.submit(miner)
        return if case .refused(_, let text)? = miner.answer { text } else { nil }
    }

    private func tell(_ quarantine: KnownQuarantine, of miner: Miner) {
        harness.take(.conduct(miner.id), bytes { quarantine.encode(to: &$0) })
        harness.perform()
    }

    private func quarantine(seconds: UInt64, count: UInt8 = 1, isOfAddress: Bool = false) -> KnownQuarantine {
        KnownQuarantine(until: harness.now + .seconds(seconds), count: count, isOfAddress: isOfAddress)
    }

    private let quarantined = MinerReply.Refusal.quarantined.text.description
    private let banned = MinerReply.Refusal.banned.text.description

    @Test func withItsThirdQuarantineAMinerIsNotLetIn() {
        harness.submit(harness.join("good", from: "192.0.2.200"))
        for pause in [601, 1_201] as [UInt64] {
            let miner = harness.join("bad", from: "192.0.2.1")
            harness.submit(miner)
            submitJunk(miner, count: 4)
            #expect(refusal(miner) == quarantined)
            #expect(miner.isConnected)
            harness.leave(miner)
            harness.pass(.seconds(pause))
        }
        harness.submit(harness.join("good", from: "192.0.2.200"))
        let miner = harness.join("bad", from: "192.0.2.1")
        harness.submit(miner)
        submitJunk(miner, count: 4)
        #expect(refusal(miner) == banned)
        #expect(miner.closed == .banned)
        let again = harness.join("bad", from: "192.0.2.1")
        #expect(again.closed == .banned && again.answer == .refused(1, banned))
        #expect(harness.join("bad", from: "192.0.2.2").isConnected, "elsewhere it is another miner")
        #expect(harness.join("neighbour", from: "192.0.2.1").isConnected)
        harness.pass(.seconds(2_401))
        #expect(harness.join("bad", from: "192.0.2.1").isConnected)
        #expect(harness.violations.isEmpty)
    }

    @Test func whatAnotherShardKnowsOfAMinerHoldsHere() {
        let miner = harness.join("bad", from: "192.0.2.1")
        harness.submit(miner)
        tell(quarantine(seconds: 300), of: miner)
        #expect(refusal(miner) == quarantined)
        harness.leave(miner)
        #expect(refusal(harness.join("bad", from: "192.0.2.1")) == quarantined)
        #expect(refusal(harness.join("other", from: "192.0.2.1")) == nil)
        harness.pass(.seconds(301))
        #expect(refusal(harness.join("bad", from: "192.0.2.1")) == nil)
    }

    @Test func whatAnotherShardKnowsOfAnAddressHoldsForItsNewMiners() {
        let proven = harness.join("proven", from: "2001:db8::1")
        harness.submit(proven)
        let new = harness.join("new", from: "2001:db8::2")
        tell(quarantine(seconds: 300, isOfAddress: true), of: new)
        #expect(refusal(new) == quarantined)
        #expect(refusal(proven) == nil)
        #expect(refusal(harness.join("newer", from: "2001:db8::3")) == quarantined)
        #expect(refusal(harness.join("newer", from: "2001:db8:0:1::3")) == nil)
    }

    @Test func aThirdQuarantineElsewhereIsABanHere() {
        let miner = harness.join("bad", from: "192.0.2.1")
        tell(quarantine(seconds: 300, count: 3), of: miner)
        #expect(miner.closed == .banned)
        #expect(harness.join("bad", from: "192.0.2.1").closed == .banned)
    }

    @Test func aShorterOneThanItsOwnChangesNothing() {
        let miner = harness.join("bad", from: "192.0.2.1")
        tell(quarantine(seconds: 300), of: miner)
        tell(quarantine(seconds: 10, count: 3), of: miner)
        #expect(miner.isConnected)
        harness.pass(.seconds(11))
        #expect(refusal(miner) == quarantined)
    }

    @Test(arguments: [0, 1, 9, 100])
    func damagedBytesAreNone(count: Int) {
        let miner = harness.join("bad", from: "192.0.2.1")
        harness.take(.conduct(miner.id), [UInt8](repeating: 0xff, count: count))
        #expect(refusal(miner) == nil && miner.isConnected)
    }

    /// It may stay away for long enough to be forgotten, but not for long enough to get out of it.
    @Test func aLongQuarantineOutlivesAnAbsence() {
        let miner = harness.join("bad", from: "192.0.2.1")
        tell(quarantine(seconds: 6 * 3_600), of: miner)
        harness.leave(miner)
        harness.pass(.seconds(5 * 3_600))
        #expect(refusal(harness.join("bad", from: "192.0.2.1")) == quarantined)
    }

    @Test func shardsNameAMinerInTheSameWay() {
        let other = ShardHarness()
        func keys(_ harness: ShardHarness, _ address: String, salt: UInt64 = 7) -> [UInt64?] {
            _ = harness.join("filler")
            let id = harness.join("rig", from: address).id
            return [true, false].map { harness.shard.conductKey(of: id, isOfAddress: $0, salt: salt) }
        }
        #expect(keys(harness, "192.0.2.1") == keys(other, "192.0.2.1"))
        #expect(keys(harness, "192.0.2.1") != keys(other, "192.0.2.1", salt: 8))
        #expect(keys(harness, "192.0.2.1")[0] != keys(other, "192.0.2.2")[0])
        #expect(keys(harness, "2001:db8::1") == keys(other, "2001:db8::ffff%eth0"))
    }

    @Test func aShardTellsOfItsOwn() {
        harness.submit(harness.join("good", from: "192.0.2.200"))
        let miner = harness.join("bad", from: "192.0.2.1")
        #expect(harness.shard.quarantine(of: miner.id, isOfAddress: false, at: harness.now) == nil)
        submitJunk(miner, count: 2)
        #expect(harness.shard.quarantine(of: miner.id, isOfAddress: false, at: harness.now) == quarantine(seconds: 600))
        #expect(harness.shard.quarantine(of: miner.id, isOfAddress: true, at: harness.now) == nil)
        for number in 0..<3 { submitJunk(harness.join("junk\(number)", from: "192.0.2.1"), count: 1) }
        #expect(
            harness.shard.quarantine(of: miner.id, isOfAddress: true, at: harness.now)
                == quarantine(seconds: 600, isOfAddress: true))
    }
}
