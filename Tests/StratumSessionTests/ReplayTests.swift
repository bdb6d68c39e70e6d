import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// What was written down and the inputs since are the shard, wherever its life is cut.
struct ReplayTests {
    @Test(arguments: lives(4), [false, true])
    func aSuccessorStandsWhereItsPredecessorStoodAndSaysWhatItSaid(seed: UInt64, tls: Bool) {
        var dice = SeededGenerator(seed: seed &* 104_729)
        let successor = Successor(seed: seed)
        let harness = ShardHarness(
            pools: Int(seed % 3) + 1, chunk: [.max, .max, 30][Int(seed % 3)], seed: seed, tls: tls, witness: successor
        ) { ShardCodingTests.adjust(&$0, seed) }
        for _ in 0..<400 { harness.live(&dice) }
        #expect(successor.differences.prefix(3) == [])
        #expect(harness.violations.isEmpty)
        #expect(successor.inputs > 2_000)
        #expect(successor.launchContexts > 30)
        #expect(successor.replayed > 1_000)
        #expect(successor.completions > 20)
    }
}
