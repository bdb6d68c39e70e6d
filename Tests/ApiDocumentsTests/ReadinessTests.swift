import ApiFixtures
import Control
import Telemetry
import Testing

@testable import ApiDocuments

@Suite struct ReadinessTests {
    private static let (shard, pool) = ("a shard that accepts miners", "a session with a pool")

    private func view(_ change: (inout ServiceView) -> Void = { _ in }) -> ServiceView {
        var snapshot = Snapshot()
        snapshot.time = 100_000
        snapshot.upstreams = UpstreamCounts(active: 1, sleeping: 0, error: 0)
        snapshot.shards = [
            Snapshot.ShardRow(shard: 0, isLive: true, minersNow: 0, upstreams: snapshot.upstreams, eventsLost: 0)
        ]
        var view = ServiceView(snapshot: snapshot, time: 101_000)
        change(&view)
        return view
    }

    @Test func aShardAndAPoolAreEnough() {
        #expect(Readiness(view()).missing == [])
        #expect(Readiness(view { $0.status = .of(shard: .ready) }).missing == [])
        #expect(Readiness(view()).isReady)
    }

    @Test(arguments: ChildStatus.State.allCases)
    func theSupervisorKnowsBestWhoAccepts(state: ChildStatus.State) {
        let missing = Readiness(view { $0.status = .of(shard: state) }).missing
        #expect(missing == (state == .ready ? [] : [Self.shard]))
    }

    @Test func withoutThePoolMinersWouldWait() {
        #expect(Readiness(view { $0.snapshot.upstreams.active = 0 }).missing == [Self.pool])
    }

    @Test func beforeTheFirstSnapshotNothingIsKnown() {
        let readiness = Readiness(ServiceView(snapshot: Snapshot(), time: 1_000))
        #expect(readiness.missing == [Self.shard, Self.pool])
        #expect(!readiness.isReady)
        let text = String(decoding: readiness.body, as: UTF8.self)
        #expect(
            text == #"{"status": "not ready", "missing": ["a shard that accepts miners", "a session with a pool"]}"#)
    }

    @Test func aRestartOfTheCollectorDoesNotSendMinersAway() {
        #expect(Readiness(view { $0.time = 159_999 }).missing == [])
        #expect(Readiness(view { $0.time = 160_000 }).missing == [Self.shard, Self.pool])
    }
}
