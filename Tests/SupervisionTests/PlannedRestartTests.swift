import Testing

@testable import Supervision

@Suite struct PlannedRestartTests {
    /// A service that is ready at 100, and whose shards are replaced without a standby, as other processes are.
    private func running(shards: Int = 3, gateway: Bool = true) -> Service {
        Service.running(shards: shards, gateway: gateway, shardsHandOver: false)
    }

    private func leaving(_ orders: [Order]) -> [ChildName] {
        orders.compactMap { if case .child(let name, .send(.yield)) = $0 { name } else { nil } }
    }

    @Test func shardsAreReplacedOneAfterTheOtherEachWhenTheOneBeforeIsReady() throws {
        var service = running()
        #expect(leaving(try service.restart(service.shards, at: 5_000)) == [.shard(0)])
        for number in 0..<3 {
            #expect(service.restarting == (number..<3).map { .shard($0) })
            #expect(spawned(service.handle(.ended(.exit(0)), of: .shard(number), at: 5_010)) == [.shard(number)])
            let orders = service.handle(.saidReady, of: .shard(number), at: 5_020)
            #expect(leaving(orders) == (number < 2 ? [.shard(number + 1)] : []))
            #expect(orders.contains(.announce(.restarted)) == (number == 2))
        }
        #expect(service.restarting == [])
        for name in service.shards {
            #expect(service.child(name)?.restarts == [.asked: 1])
            #expect(service.child(name)?.deaths == 0)
            #expect(service.child(name)?.lastDeath == nil)
        }
    }

    @Test func plannedRestartsAreNotCountedAsFlapping() throws {
        var service = running(shards: 1)
        var now: Int64 = 200
        for _ in 0..<50 {
            _ = try service.restart([.shard(0)], at: now)
            _ = service.handle(.ended(.exit(0)), of: .shard(0), at: now + 1)
            _ = service.handle(.saidReady, of: .shard(0), at: now + 2)
            now += 10
        }
        #expect(service.child(.shard(0))?.restarts == [.asked: 50])
        let orders = service.handle(.ended(.signal(9)), of: .shard(0), at: now)
        #expect(orders == [.child(.shard(0), .report(.crashed(.signal(9), restartInMillis: 0)))])
    }

    @Test func aProcessThatDoesNotLeaveIsKilledAndReplacedAllTheSame() throws {
        var service = running(shards: 1)
        _ = try service.restart([.shard(0)], at: 1_000)
        #expect(service.advance(to: 4_000) == [.child(.shard(0), .report(.killed)), .child(.shard(0), .send(.kill))])
        #expect(spawned(service.handle(.ended(.signal(9)), of: .shard(0), at: 4_001)) == [.shard(0)])
        #expect(service.child(.shard(0))?.restarts == [.asked: 1])
    }

    @Test func theServiceMustRun() throws {
        var service = Service(shards: 2, hasGateway: false, policy: RestartPolicy())
        #expect(throws: RestartRefusal.serviceIsStarting) { try service.restart([.shard(0)], at: 0) }
        _ = service.start(at: 0)
        #expect(throws: RestartRefusal.serviceIsStarting) { try service.restart([.shard(0)], at: 1) }
        for name in service.names { _ = service.handle(.saidReady, of: name, at: 2) }
        #expect(throws: RestartRefusal.unknown(.shard(2))) { try service.restart([.shard(2)], at: 3) }
        #expect(throws: RestartRefusal.unknown(.gateway)) { try service.restart([.gateway], at: 3) }
        _ = service.stop(at: 4)
        #expect(throws: RestartRefusal.serviceIsStopping) { try service.restart([.shard(0)], at: 5) }
        #expect(service.replace([.shard(0)], at: 5) == [])
    }

    @Test func aFailedShardIsStartedAnew() throws {
        var service = running()
        _ = service.handle(.ended(.exit(2)), of: .shard(1), at: 200)
        #expect(try service.restart([.shard(1)], at: 300) == [.child(.shard(1), .spawn)])
        #expect(service.child(.shard(1))?.restarts == [.asked: 1])
    }

    @Test func aShardThatPausesAfterADeathIsStartedAtOnceAndKeepsItsCause() throws {
        var service = running()
        _ = service.handle(.ended(.signal(9)), of: .shard(1), at: 200)
        #expect(try service.restart([.shard(1)], at: 201) == [.child(.shard(1), .spawn)])
        #expect(service.child(.shard(1))?.restarts == [.signal(9): 1])
    }

    @Test func aSuccessorThatFailsCallsOffTheRestOfTheRound() throws {
        var service = running()
        _ = try service.restart(service.shards, at: 200)
        _ = service.handle(.ended(.exit(0)), of: .shard(0), at: 210)
        let orders = service.handle(.ended(.exit(2)), of: .shard(0), at: 220)
        #expect(orders.last == .announce(.restartsHalted(at: .shard(0))))
        #expect(leaving(orders) == [])
        #expect(service.restarting == [])
        #expect(service.readyShards == 2)
    }

    @Test func aCollectorThatFailsHoldsUpNobody() {
        var service = running()
        #expect(leaving(service.replace([.collector, .gateway], at: 200)) == [.collector])
        _ = service.handle(.ended(.exit(0)), of: .collector, at: 210)
        #expect(leaving(service.handle(.ended(.exit(2)), of: .collector, at: 220)) == [.gateway])
    }

    @Test func aSuccessorThatDiesOnceIsWaitedFor() throws {
        var service = running()
        _ = try service.restart(service.shards, at: 200)
        _ = service.handle(.ended(.exit(0)), of: .shard(0), at: 210)
        #expect(leaving(service.handle(.ended(.exit(1)), of: .shard(0), at: 220)) == [])
        #expect(spawned(service.advance(to: 320)) == [.shard(0)])
        #expect(leaving(service.handle(.saidReady, of: .shard(0), at: 330)) == [.shard(1)])
    }

    @Test func aPlaceIsReplacedOnceForAllThatAskedBeforeItsNewProcessCame() {
        var service = running(shards: 2)
        _ = service.replace(service.shards, at: 200)
        _ = service.replace(service.shards, at: 201)
        #expect(service.restarting == [.shard(0), .shard(1)])
        _ = service.handle(.ended(.exit(0)), of: .shard(0), at: 210)
        _ = service.handle(.saidReady, of: .shard(0), at: 211)
        _ = service.handle(.ended(.exit(0)), of: .shard(1), at: 220)
        #expect(service.handle(.saidReady, of: .shard(1), at: 221).last == .announce(.restarted))
        #expect(service.child(.shard(0))?.launches == 2)
    }

    @Test func aProcessThatWasStartedBeforeTheWishIsReplacedAgain() {
        var service = running(shards: 2)
        _ = service.replace(service.shards, at: 200)
        _ = service.handle(.ended(.exit(0)), of: .shard(0), at: 210)
        _ = service.replace([.shard(0)], at: 211)
        _ = service.handle(.saidReady, of: .shard(0), at: 212)
        _ = service.handle(.ended(.exit(0)), of: .shard(1), at: 213)
        #expect(leaving(service.handle(.saidReady, of: .shard(1), at: 214)) == [.shard(0)])
    }

    @Test func aProcessThatDiedAndCameBackWhileItWaitedForItsTurnIsNotReplacedAgain() {
        var service = running(shards: 2)
        _ = service.replace(service.shards, at: 200)
        _ = service.handle(.ended(.signal(9)), of: .shard(1), at: 201)
        _ = service.advance(to: 301)
        _ = service.handle(.saidReady, of: .shard(1), at: 302)
        _ = service.handle(.ended(.exit(0)), of: .shard(0), at: 310)
        let orders = service.handle(.saidReady, of: .shard(0), at: 320)
        #expect(leaving(orders) == [] && orders.last == .announce(.restarted))
        #expect(service.child(.shard(1))?.restarts == [.signal(9): 1])
    }

    @Test func aChangeDuringTheStartWaitsUntilEverythingRuns() {
        var service = Service(shards: 1, hasGateway: false, policy: RestartPolicy())
        service.shardsHandOver = false
        _ = service.start(at: 0)
        #expect(service.replace([.collector], at: 1) == [])
        #expect(leaving(service.handle(.saidReady, of: .collector, at: 2)) == [])
        #expect(leaving(service.handle(.saidReady, of: .shard(0), at: 3)) == [.collector])
    }

    @Test func aStopCallsOffWhatWaits() throws {
        var service = running()
        _ = try service.restart(service.shards, at: 200)
        _ = service.stop(at: 210)
        #expect(service.restarting == [])
        #expect(spawned(service.handle(.ended(.exit(0)), of: .shard(0), at: 220)) == [])
    }

    // MARK: - The gateway is switched off and on

    @Test func aGatewayThatIsSwitchedOffLeavesAndOneThatIsSwitchedOnComes() {
        var service = running()
        #expect(service.wantGateway(false, at: 200) == [.child(.gateway, .send(.terminate))])
        #expect(service.wantedNames.contains(.gateway))
        _ = service.handle(.ended(.exit(0)), of: .gateway, at: 210)
        #expect(!service.wantedNames.contains(.gateway))
        #expect(service.wantGateway(true, at: 300) == [.child(.gateway, .spawn)])

        var without = running(gateway: false)
        #expect(without.wantGateway(false, at: 200) == [])
        #expect(without.wantGateway(true, at: 200) == [.child(.gateway, .spawn)])
    }

    @Test func aGatewayThatIsWantedAgainWhileItLeavesComesBackAfterwards() {
        var service = running()
        _ = service.wantGateway(false, at: 200)
        #expect(service.wantGateway(true, at: 201) == [])
        #expect(spawned(service.handle(.ended(.exit(0)), of: .gateway, at: 210)) == [.gateway])
    }

    // MARK: - Causes

    struct Life: Sendable {
        let name: String
        let path: [(ChildEvent, Int64)]
        let causes: [RestartCause: Int]
    }

    static let lives: [Life] = [
        Life(name: "a first start", path: [(.start, 0), (.saidReady, 1)], causes: [:]),
        Life(
            name: "an exit code", path: [(.start, 0), (.ended(.exit(3)), 1), (.deadline, 101)], causes: [.exit(3): 1]),
        Life(
            name: "a signal, twice",
            path: [
                (.start, 0), (.ended(.signal(9)), 1), (.deadline, 101), (.ended(.signal(9)), 102), (.deadline, 302),
            ], causes: [.signal(9): 2]),
        Life(
            name: "a program that cannot be started",
            path: [(.start, 0), (.ended(.couldNotStart(-2)), 0), (.deadline, 100)], causes: [.notStartable: 1]),
        Life(
            name: "silence at the start",
            path: [(.start, 0), (.deadline, 15_000), (.ended(.signal(15)), 15_001), (.deadline, 15_101)],
            causes: [.neverReady: 1]),
        Life(
            name: "a stall",
            path: [
                (.start, 0), (.saidReady, 1), (.heartbeat, 2), (.deadline, 20_002), (.ended(.signal(6)), 20_003),
                (.deadline, 20_103),
            ], causes: [.stalled: 1]),
        Life(
            name: "asked, though it crashed on its way out",
            path: [(.start, 0), (.saidReady, 1), (.restart, 2), (.ended(.signal(11)), 3)], causes: [.asked: 1]),
        Life(
            name: "stopped and started", path: [(.start, 0), (.stop, 1), (.ended(.exit(0)), 2), (.start, 3)],
            causes: [.asked: 1]),
        Life(name: "a death that is not answered yet", path: [(.start, 0), (.ended(.exit(1)), 1)], causes: [:]),
    ]

    @Test(arguments: lives.indices)
    func restartsAreCountedByCause(life: Int) {
        let life = Self.lives[life]
        var child = Child(policy: RestartPolicy(finalExitCodes: [2]))
        for (event, time) in life.path { _ = child.handle(event, at: time) }
        #expect(child.restarts.values.reduce(0, +) == child.launches - 1)
        #expect(child.restarts == life.causes, "\(life.name)")
    }
}
