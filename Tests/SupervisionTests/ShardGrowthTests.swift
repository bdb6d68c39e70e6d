import Testing

@testable import Supervision

/// How many shards a service with `"shards": "auto"` has.
struct ShardGrowthTests {
    @Test(arguments: [
        (0, 1, nil), (399, 1, nil), (400, 1, 2), (1_199, 1, 3), (1_200, 1, 4), (100_000, 1, 4), (100_000, 4, nil),
        (400, 2, nil), (0, 3, nil), (800, 2, 3),
    ])
    func moreMinersGetMoreShards(miners: Int, shards: Int, wanted: Int?) {
        #expect(ShardGrowth(shardsMax: 4).wanted(miners: miners, shards: shards) == wanted)
    }

    @Test func withOneCoreThereIsOneShard() {
        #expect(ShardGrowth(shardsMax: 1).wanted(miners: 10_000, shards: 1) == nil)
    }
}
