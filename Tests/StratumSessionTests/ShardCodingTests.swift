import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// A shard that was written down and read again is the same shard.
struct ShardCodingTests {
    /// Policies of all kinds.
    static func adjust(_ policy: inout ShardPolicy, _ seed: UInt64) {
        policy.retries = Int(seed % 3)
        policy.countsCustomDifficulty = seed % 2 == 0
        policy.customDifficulty = seed % 4 == 1 ? 3_000 : 0
        policy.keepsFirstUpstream = seed % 5 < 2
        policy.offersAlgoExtension = seed % 7 > 0
        policy.accessPassword = seed % 3 == 0 ? "x" : nil
        policy.pools[0].rigID = seed % 2 == 0 ? "rig" : nil
        policy.pools[0].algorithm = seed % 3 == 1 ? AlgorithmName("rx/0") : nil
    }

    @Test(arguments: lives(5))
    func aTwinThatIsWrittenAndReadAgainDecidesTheSame(seed: UInt64) {
        var dice = SeededGenerator(seed: seed &* 7_919)
        let twin = Twin(seed: seed)
        let harness = ShardHarness(
            pools: Int(seed % 4) + 1, chunk: [.max, 1, 40][Int(seed % 3)], seed: seed, witness: twin
        ) { ShardCodingTests.adjust(&$0, seed) }
        if seed % 6 == 5 { harness.pools[0].job.reservedByte = 0x55 }
        for _ in 0..<400 { harness.live(&dice) }
        #expect(twin.differences.prefix(3) == [])
        #expect(harness.violations.isEmpty)
        #expect(twin.inputs > 3_000)
        #expect(twin.births > 100)
    }
}
