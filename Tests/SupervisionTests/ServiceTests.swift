import TestSupport
import Testing

@testable import Supervision

@Suite struct ServiceTests {
    private func service(shards: Int = 2, gateway: Bool = true) -> Service {
        Service(shards: shards, hasGateway: gateway, policy: RestartPolicy(finalExitCodes: [2]))
    }

    private func terminated(_ orders: [Order]) -> [ChildName] {
        orders.compactMap { if case .child(let name, .send(.terminate)) = $0 { name } else { nil } }
    }

    // MARK: - Start

    @Test func theCollectorComesFirstThenTheShardsThenTheGateway() {
        var service = service()
        #expect(spawned(service.start(at: 0)) == [.collector])
        #expect(spawned(service.handle(.saidReady, of: .collector, at: 10)) == [.shard(0), .shard(1)])
        #expect(spawned(service.handle(.saidReady, of: .shard(1), at: 20)) == [])
        #expect(spawned(service.handle(.saidReady, of: .shard(0), at: 30)) == [.gateway])
        let last = service.handle(.saidReady, of: .gateway, at: 40)
        #expect(last == [.child(.gateway, .report(.ready(afterMillis: 10))), .announce(.serving(shards: 2))])
    }

    @Test func withoutAGatewayTheServiceIsReadyWithItsShards() {
        var service = service(gateway: false)
        _ = service.start(at: 0)
        _ = service.handle(.saidReady, of: .collector, at: 1)
        _ = service.handle(.saidReady, of: .shard(0), at: 2)
        #expect(service.handle(.saidReady, of: .shard(1), at: 3).contains(.announce(.serving(shards: 2))))
        #expect(!service.names.contains(.gateway))
    }

    @Test func aCollectorThatDiesAtOnceDoesNotKeepTheShardsWaiting() {
        var service = service()
        _ = service.start(at: 0)
        let orders = service.handle(.ended(.exit(1)), of: .collector, at: 10)
        #expect(spawned(orders) == [.shard(0), .shard(1)])
    }

    @Test func aCollectorThatSaysNothingKeepsTheShardsWaitingForALimitedTime() {
        var service = service()
        _ = service.start(at: 0)
        #expect(service.advance(to: 4_999) == [])
        #expect(service.deadline == 5_000)
        #expect(spawned(service.advance(to: 5_000)) == [.shard(0), .shard(1)])
        #expect(spawned(service.advance(to: 10_000)) == [.gateway])
    }

    @Test func theServiceIsReadyWhenTheFirstShardServesEvenIfThatIsLate() {
        var service = service()
        _ = service.start(at: 0)
        _ = service.handle(.ended(.exit(1)), of: .collector, at: 0)
        _ = service.handle(.ended(.exit(1)), of: .shard(0), at: 0)
        _ = service.handle(.ended(.exit(1)), of: .shard(1), at: 0)
        let gatewayReady = service.handle(.saidReady, of: .gateway, at: 5)
        #expect(gatewayReady == [.child(.gateway, .report(.ready(afterMillis: 5)))])
        #expect(Set(spawned(service.advance(to: 100))) == [.collector, .shard(0), .shard(1)])
        #expect(service.handle(.saidReady, of: .shard(1), at: 120).last == .announce(.serving(shards: 1)))
        #expect(!service.handle(.saidReady, of: .shard(0), at: 130).contains(.announce(.serving(shards: 2))))
    }

    // MARK: - While it runs

    @Test(arguments: [ChildName.collector, .shard(0), .shard(1), .gateway])
    func aDeathTouchesNobodyElse(name: ChildName) {
        var service = Service.running(gateway: true)
        let orders = service.handle(.ended(.signal(9)), of: name, at: 10_000)
        #expect(orders == [.child(name, .report(.crashed(.signal(9), restartInMillis: 0)))])
        #expect(service.advance(to: 10_100) == [.child(name, .spawn)])
    }

    @Test func aFailedShardLeavesTheOthersServing() {
        var service = Service.running(gateway: true)
        let failure = Failure.refused(exitCode: 2)
        let orders = service.handle(.ended(.exit(2)), of: .shard(0), at: 200)
        #expect(orders == [.child(.shard(0), .report(.failed(failure)))])
        #expect(service.readyShards == 1)
        #expect(service.deadline == 60_200)
        #expect(service.advance(to: 60_200) == [.child(.shard(0), .spawn)])
    }

    @Test func aFailedCollectorOrGatewayEndsNothing() {
        var service = Service.running(gateway: true)
        for name in [ChildName.collector, .gateway] {
            let orders = service.handle(.ended(.exit(2)), of: name, at: 200)
            #expect(orders == [.child(name, .report(.failed(.refused(exitCode: 2))))])
        }
        #expect(service.readyShards == 2)
        #expect(spawned(service.advance(to: 60_200)) == [.collector, .gateway])
    }

    @Test func whenTheLastShardHasFailedTheServiceStopsAndSaysWhy() {
        var service = Service.running(gateway: true)
        _ = service.handle(.ended(.exit(2)), of: .shard(1), at: 200)
        let orders = service.handle(.ended(.exit(2)), of: .shard(0), at: 300)
        #expect(orders.contains(.announce(.nothingServes(.refused(exitCode: 2)))))
        #expect(terminated(orders) == [.gateway])
        #expect(terminated(service.handle(.ended(.exit(0)), of: .gateway, at: 310)) == [.collector])
        #expect(service.handle(.ended(.exit(0)), of: .collector, at: 320).last == .announce(.stopped))
    }

    // MARK: - Stop

    @Test func stoppingGoesBackwardsAndWaitsForEachStage() {
        var service = Service.running(gateway: true)
        #expect(service.stop(at: 1_000) == [.child(.gateway, .send(.terminate))])
        #expect(terminated(service.handle(.ended(.exit(0)), of: .gateway, at: 1_010)) == [.shard(0), .shard(1)])
        #expect(terminated(service.handle(.ended(.exit(0)), of: .shard(1), at: 1_020)) == [])
        #expect(terminated(service.handle(.ended(.exit(0)), of: .shard(0), at: 1_030)) == [.collector])
        #expect(service.handle(.ended(.exit(0)), of: .collector, at: 1_040).last == .announce(.stopped))
        #expect(service.deadline == nil)
    }

    @Test func aShardThatDiesWhileTheGatewayIsLeavingIsNotStartedAgain() {
        var service = Service.running(gateway: true)
        _ = service.stop(at: 1_000)
        _ = service.handle(.ended(.signal(9)), of: .shard(0), at: 1_010)
        #expect(service.child(.shard(0))?.state == .stopped)
        #expect(spawned(service.advance(to: 2_000)) == [])
    }

    @Test func aStopDuringTheStartStartsNobodyElse() {
        var service = service()
        _ = service.start(at: 0)
        #expect(service.stop(at: 5) == [.child(.collector, .send(.terminate))])
        #expect(spawned(service.handle(.saidReady, of: .collector, at: 6)) == [])
        #expect(service.handle(.start, of: .shard(0), at: 7) == [])
        #expect(service.handle(.ended(.exit(0)), of: .collector, at: 8).last == .announce(.stopped))
    }

    @Test func aStopBeforeTheStartIsOverAtOnce() {
        var service = service()
        #expect(service.stop(at: 0) == [.announce(.stopped)])
        #expect(service.stop(at: 0) == [])
        #expect(service.start(at: 1) == [])
    }

    @Test func stoppingAtOnceKillsEverybodyTogether() {
        var service = Service.running(gateway: true)
        _ = service.stop(at: 1_000)
        let orders = service.stopAtOnce(at: 1_001)
        #expect(orders == [ChildName.collector, .shard(0), .shard(1), .gateway].map { .child($0, .send(.kill)) })
    }

    @Test func childrenThatIgnoreEverythingDelayTheStopByTheNamedLimitsOnly() throws {
        var service = Service.running(gateway: true)
        var orders = service.stop(at: 0)
        var steps = 0
        while !orders.contains(.announce(.stopped)) {
            guard let deadline = service.deadline, steps < 100 else { throw TestFailure("the stop waits for nothing") }
            orders = service.advance(to: deadline)
            steps += 1
            if orders.contains(.announce(.stopped)) {
                #expect(deadline == 3 * (3_000 + 2_000))
            }
        }
    }
}
