import StratumProtocol
import Testing

@testable import StratumSession

/// What is shown of upstreams.
struct GaugesTests {
    private func view(_ harness: ShardHarness, _ upstream: Int = 0) -> UpstreamView {
        harness.shard.upstreamViews[upstream]
    }

    @Test func anUpstreamTellsItsPoolItsJobAndItsMiners() {
        let harness = ShardHarness(pools: 2)
        let loggedInAt = harness.now
        harness.join()
        harness.join()
        harness.pass(.seconds(3))
        harness.newJob { $0.difficulty = 20_000 }
        harness.pass(.seconds(1))
        let view = view(harness)
        #expect(view.state == .active)
        #expect(view.pool == 0)
        #expect(view.miners == 2)
        #expect(view.difficulty == 20_000)
        #expect(view.jobAt == loggedInAt + .seconds(3))
        #expect(view.loggedInAt == loggedInAt)
        #expect(harness.shard.upstreamViews.count == 1)
    }

    @Test func itCountsVerdictsAndWhatWaitsForOne() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner)
        harness.pools[0].verdict = .refuse("Low difficulty share")
        harness.submit(miner)
        harness.submit(miner)
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        // Refused here: no pool has judged it.
        harness.submit(miner, difficulty: 1)
        #expect(view(harness).accepted == 1)
        #expect(view(harness).rejected == 2)
        #expect(view(harness).inFlight == 1)
        // What the pool can no longer answer is neither.
        harness.drop(harness.peer())
        #expect(view(harness).rejected == 2)
        #expect(view(harness).inFlight == 0)
    }

    @Test func withoutAPoolItIsInErrorAndNamesTheLastOne() {
        let harness = ShardHarness(pools: 2) { $0.retries = 1 }
        harness.pools[0].door = .closed
        harness.join()
        harness.pass(.seconds(10))
        #expect(view(harness).pool == 1)
        #expect(view(harness).state == .active)
        harness.pools[1].door = .closed
        harness.drop(harness.peer(1))
        #expect(view(harness).pool == 1)
        #expect(view(harness).state == .error)
        #expect(view(harness).loggedInAt == nil)
    }

    @Test func oneThatSleepsHasNothingAndBeginsToCountAnewWhenItWakes() {
        let (harness, miner) = ShardHarness.withMiner()
        // Another one behind, so that the first is kept in the list.
        for _ in 0..<256 { harness.join() }
        harness.submit(miner)
        for miner in harness.miners.prefix(256) { harness.leave(miner) }
        harness.pass(.seconds(90))
        #expect(view(harness).state == .sleeping)
        #expect(view(harness).difficulty == 0)
        #expect(view(harness).jobAt == nil)
        #expect(view(harness).accepted == 1)
        for _ in 0..<256 { harness.join() }
        #expect(view(harness).state == .active)
        #expect(view(harness).accepted == 0)
    }
}
