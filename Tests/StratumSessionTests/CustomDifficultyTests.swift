import StratumProtocol
import Testing

@testable import StratumSession

struct CustomDifficultyTests {
    @Test(arguments: [
        ("farm", UInt64(0), UInt64?.none), ("farm", 5_000, 5_000), ("farm+20000", 5_000, 20_000), ("a+1+300", 0, 300),
        ("farm+99", 5_000, 5_000), ("farm+100", 0, 100), ("farm+2147483646", 0, 2_147_483_646),
        ("farm+2147483647", 5_000, 5_000), ("farm+99999999999999999999999999", 0, nil), ("farm+", 7_000, 7_000),
        ("farm+x500", 0, nil), ("farm+500x", 0, 500), ("farm+-500", 0, nil), ("+500", 0, 500), ("", 0, nil),
        ("farm", 99, nil), ("farm", .max, nil),
    ])
    func theNumberBehindTheLastPlusOrTheOperatorsChoice(login: String, choice: UInt64, expected: UInt64?) {
        #expect(CustomDifficulty.of(login: login, operatorsChoice: choice) == expected)
    }

    @Test func aLowerDifficultyChangesTheTarget() {
        let harness = ShardHarness { $0.customDifficulty = 5_000 }
        #expect(harness.join().job?.target == "711b0d00")
        #expect(harness.join("farm+2000").job?.target == "9bc42000")
        let plain = ShardHarness().join()
        #expect(harness.join("farm+10000").job?.target == plain.job?.target)
        #expect(harness.join("farm+20000").job?.target == plain.job?.target)
    }

    @Test func aShareBetweenTheDifficultiesIsOurs() {
        let harness = ShardHarness()
        let miner = harness.join("farm+5000")
        harness.submit(miner, difficulty: 6_000)
        #expect(miner.answer == .status(2, "OK"))
        harness.submit(miner, difficulty: 4_999)
        #expect(miner.answer == .refused(3, "Low difficulty share"))
        harness.submit(miner, difficulty: 10_000)
        #expect(miner.answer == .status(4, "OK"))
        #expect(harness.peer().shares.count == 1)
        #expect(harness.settled.map(\.outcome) == [.invalid(.lowDifficulty), .accepted])
        #expect(harness.settled.map(\.creditedDifficulty) == [10_000, 10_000])
    }

    @Test func withCustomDiffStatsItCountsForTheWorker() {
        let harness = ShardHarness { $0.countsCustomDifficulty = true }
        let miner = harness.join("farm+5000")
        harness.submit(miner, difficulty: 6_000)
        harness.submit(miner, difficulty: 10_000)
        #expect(harness.settled.map(\.outcome) == [.local, .accepted])
        #expect(harness.settled.map(\.creditedDifficulty) == [5_000, 5_000])
        #expect(harness.settled.map(\.difficulty) == [10_000, 10_000])
        #expect(harness.settled.map(\.latencyMicroseconds) == [0, 0])
    }

    @Test func itCountsOnlyOnce() {
        let harness = ShardHarness { $0.countsCustomDifficulty = true }
        let miner = harness.join("farm+5000")
        harness.submit(miner, difficulty: 6_000, nonce: 5)
        harness.submit(miner, difficulty: 6_000, nonce: 5)
        #expect(miner.answer == .refused(3, "Duplicate share"))
        #expect(harness.settled.map(\.outcome) == [.local, .invalid(.duplicateShare)])
    }

    @Test func forAnUnknownJobItIsAnsweredAndNotCounted() {
        let harness = ShardHarness { $0.countsCustomDifficulty = true }
        let miner = harness.join("farm+5000")
        harness.submit(miner, difficulty: 6_000, nonce: 5, job: "gone")
        harness.submit(miner, difficulty: 6_000, nonce: 5, job: "gone")
        #expect(miner.answer == .status(3, "OK"))
        #expect(harness.settled.isEmpty)
    }

    @Test func itNeedsNoPool() {
        let harness = ShardHarness()
        let miner = harness.join("farm+5000")
        harness.drop(harness.peer())
        harness.submit(miner, difficulty: 6_000)
        #expect(miner.answer == .status(2, "OK"))
    }

    @Test func itDoesNotExcuseAWrongNonce() {
        let harness = ShardHarness()
        let miner = harness.join("farm+5000")
        harness.submit(miner, difficulty: 6_000, byte: miner.job!.byte &+ 1)
        #expect(miner.closed == .notNicehashCapable)
    }
}
