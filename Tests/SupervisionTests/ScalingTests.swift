import Testing

@testable import Supervision

@Suite struct ScalingTests {
    /// A service that is ready at 100.
    private func running(shards: Int = 3) -> Service {
        Service.running(shards: shards, gateway: true, shardsHandOver: false)
    }

    private func drained(_ orders: [Order]) -> [ChildName] {
        orders.compactMap { if case .child(let name, .send(.drain)) = $0 { name } else { nil } }
    }

    // MARK: - Draining

    @Test func aDrainedShardStaysEmptyUntilItIsAskedFor() throws {
        var service = running()
        let orders = try service.drain(.shard(1), withinMillis: 5_000, at: 200)
        #expect(
            orders == [
                .child(.shard(1), .report(.draining(withinMillis: 5_000))),
                .child(.shard(1), .send(.drain(withinMillis: 5_000))),
            ])
        #expect(try service.drain(.shard(1), withinMillis: 1, at: 201) == [], "it is on its way")
        _ = service.handle(.ended(.exit(0)), of: .shard(1), at: 300)
        #expect(service.child(.shard(1))?.state == .drained && service.child(.shard(1))?.deaths == 0)
        #expect(service.advance(to: 100_000) == [])
        // Neither a change of the configuration nor a restart of the serving shards starts it.
        #expect(service.replace([.shard(1)], at: 100_001) == [])
        #expect(service.occupiedShards == [.shard(0), .shard(2)])
        #expect(spawned(try service.restart([.shard(1)], at: 100_002)) == [.shard(1)])
        #expect(service.handle(.saidReady, of: .shard(1), at: 100_003).last == .announce(.restarted))
        #expect(service.readyShards == 3)
    }

    @Test func aShardThatDiesOnItsWayOutDoesNotComeBack() throws {
        var service = running()
        _ = try service.drain(.shard(1), withinMillis: 5_000, at: 200)
        let orders = service.handle(.ended(.signal(9)), of: .shard(1), at: 300)
        #expect(orders == [.child(.shard(1), .report(.drained(.signal(9))))])
    }

    @Test func whoDoesNotLeaveInTimeIsKilled() throws {
        var service = running()
        _ = try service.drain(.shard(1), withinMillis: 5_000, at: 200)
        // Missing heartbeats do not matter while it drains.
        #expect(service.advance(to: 8_199) == [])
        #expect(service.advance(to: 8_200) == [.child(.shard(1), .report(.killed)), .child(.shard(1), .send(.kill))])
    }

    @Test func theLastShardThatServesIsNotDrained() throws {
        var service = running(shards: 2)
        _ = try service.drain(.shard(0), withinMillis: 0, at: 200)
        #expect(throws: RestartRefusal.nobodyWouldServe) { try service.drain(.shard(1), withinMillis: 0, at: 201) }
        #expect(throws: RestartRefusal.nobodyWouldServe) {
            // Only shard 0 would remain.
            try service.scale(to: 1, withinMillis: 0, at: 202)
        }
        #expect(throws: RestartRefusal.isDraining(.shard(0))) { try service.restart([.shard(0)], at: 203) }
        #expect(throws: RestartRefusal.unknown(.shard(2))) { try service.drain(.shard(2), withinMillis: 0, at: 204) }
        #expect(throws: RestartRefusal.unknown(.gateway)) { try service.drain(.gateway, withinMillis: 0, at: 204) }
        // When the last shard has failed, nothing serves, even if others are drained.
        _ = service.handle(.ended(.exit(0)), of: .shard(0), at: 205)
        let orders = service.handle(.ended(.exit(2)), of: .shard(1), at: 206)
        #expect(orders.contains(.announce(.nothingServes(.refused(exitCode: 2)))))
    }

    @Test func aShardThatIsBeingReplacedIsNotDrained() throws {
        var service = running()
        _ = try service.restart(service.shards, at: 200)
        for name in service.shards {
            #expect(throws: RestartRefusal.isBeingReplaced(name)) { try service.drain(name, withinMillis: 0, at: 201) }
        }
    }

    @Test func aStopDoesNotWaitForMinersToLeave() throws {
        var service = running(shards: 2)
        _ = try service.drain(.shard(1), withinMillis: 60_000, at: 200)
        _ = service.stop(at: 300)
        let orders = service.handle(.ended(.exit(0)), of: .gateway, at: 301)
        #expect(orders.contains(.child(.shard(1), .send(.terminate))))
    }

    // MARK: - Scaling up and down

    @Test func newShardsAreStartedAndWaitedFor() throws {
        var service = running(shards: 2)
        let orders = try service.scale(to: 4, withinMillis: 0, at: 200)
        #expect(orders.first == .announce(.grown(to: 4)))
        #expect(spawned(orders) == [.shard(2), .shard(3)])
        #expect(service.names == [.collector, .shard(0), .shard(1), .shard(2), .shard(3), .gateway])
        _ = service.handle(.saidReady, of: .shard(3), at: 210)
        #expect(service.scalesTo == 4)
        #expect(service.handle(.saidReady, of: .shard(2), at: 220).last == .announce(.scaled(to: 4)))
        #expect(service.scalesTo == nil)
    }

    @Test func theHighestNumberedShardsGoAndTheirPlacesToo() throws {
        var service = running(shards: 4)
        #expect(drained(try service.scale(to: 2, withinMillis: 9, at: 200)) == [.shard(2), .shard(3)])
        #expect(throws: RestartRefusal.unknown(.shard(3))) { try service.restart([.shard(3)], at: 201) }
        // The numbers of the shards have no gap.
        #expect(service.handle(.ended(.exit(0)), of: .shard(2), at: 210).count == 1)
        #expect(service.shards.count == 4)
        let orders = service.handle(.ended(.exit(0)), of: .shard(3), at: 220)
        #expect(
            orders.dropFirst() == [
                .announce(.shrunk(to: 3)), .announce(.shrunk(to: 2)), .announce(.scaled(to: 2)),
            ])
        #expect(service.names == [.collector, .shard(0), .shard(1), .gateway])
    }

    @Test func whoChangesTheirMindHasTheLastWord() throws {
        var service = running(shards: 4)
        _ = try service.scale(to: 2, withinMillis: 9, at: 200)
        #expect(try service.scale(to: 4, withinMillis: 9, at: 201) == [], "those that leave are waited for")
        _ = service.handle(.ended(.exit(0)), of: .shard(2), at: 210)
        let orders = service.handle(.ended(.exit(0)), of: .shard(3), at: 220)
        #expect(spawned(orders) == [.shard(2), .shard(3)])
        for name in service.shards { _ = service.handle(.saidReady, of: name, at: 230) }
        #expect(service.scalesTo == nil && service.readyShards == 4)
    }

    @Test func plannedRestartsAreFinishedFirst() throws {
        var service = running(shards: 2)
        _ = service.replace(service.shards, at: 200)
        #expect(service.want(shards: 1, withinMillis: 9, at: 201) == [])
        for name in service.shards {
            #expect(service.shards.count == 2)
            _ = service.handle(.ended(.exit(0)), of: name, at: 210)
            let orders = service.handle(.saidReady, of: name, at: 220)
            #expect(drained(orders) == (name == .shard(1) ? [.shard(1)] : []))
        }
    }

    @Test func aShardThatHasNoProcessGoesAtOnce() throws {
        var service = running(shards: 2)
        _ = service.handle(.ended(.exit(2)), of: .shard(1), at: 200)
        let orders = try service.scale(to: 1, withinMillis: 9, at: 300)
        #expect(orders.suffix(2) == [.announce(.shrunk(to: 1)), .announce(.scaled(to: 1))])
    }

    @Test func nobodyIsSentAwayWhileNoneOfTheOthersServes() throws {
        var service = running(shards: 2)
        _ = service.handle(.ended(.signal(9)), of: .shard(0), at: 2_000)
        #expect(try service.scale(to: 1, withinMillis: 9, at: 2_001) == [])
        _ = service.advance(to: 2_002)
        #expect(drained(service.handle(.saidReady, of: .shard(0), at: 2_010)) == [.shard(1)])
    }

    @Test func aNumberDuringTheStartIsTakenWhenEverythingRuns() {
        var service = Service(shards: 1, hasGateway: false, policy: RestartPolicy())
        _ = service.start(at: 0)
        #expect(service.want(shards: 2, withinMillis: 0, at: 1) == [])
        _ = service.handle(.saidReady, of: .collector, at: 2)
        #expect(spawned(service.handle(.saidReady, of: .shard(0), at: 3)) == [.shard(1)])
    }
}
