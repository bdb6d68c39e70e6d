import StratumProtocol
import Testing

@testable import StratumSession

/// What was written down and the inputs since are the shard, wherever its life is cut.
struct ReplayTests {
    @Test(arguments: lives(4))
    func anHeirStandsWhereItsPredecessorStoodAndSaysWhatItSaid(seed: UInt64) {
        var dice = Dice(state: seed &* 104_729)
        let heir = Heir(seed: seed)
        let harness = ShardHarness(
            pools: Int(seed % 3) + 1, chunk: [.max, .max, 30][Int(seed % 3)], seed: seed, witness: heir
        ) { WrittenFormTests.adjust(&$0, seed) }
        for _ in 0..<400 { harness.live(&dice) }
        #expect(heir.differences.prefix(3) == [])
        #expect(harness.violations.isEmpty)
        #expect(heir.inputs > 2_000)
        #expect(heir.inheritances > 30)
        #expect(heir.replayed > 1_000)
        #expect(heir.completions > 20)
    }
}
