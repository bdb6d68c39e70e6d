import Testing

@testable import Supervision

/// Planned restarts of shards with a standby.
@Suite struct PlannedHandoverTests {
    private func begun(_ orders: [Order]) -> [ChildName] {
        orders.compactMap { if case .child(let name, .successor(.spawn)) = $0 { name } else { nil } }
    }

    /// All steps of a handover, until the successor serves.
    private func handOver(_ service: inout Service, _ name: ChildName, at now: Int64) -> [Order] {
        _ = service.handle(.handover(.prepared), of: name, at: now)
        _ = service.handle(.handover(.froze), of: name, at: now)
        _ = service.handle(.handover(.adopted), of: name, at: now)
        _ = service.handle(.ended(.exit(0)), of: name, at: now)
        return service.handle(.saidReady, of: name, at: now)
    }

    @Test func shardsHandOverOneAfterTheOther() throws {
        var service = Service.running()
        #expect(begun(try service.restart(service.shards, at: 200)) == [.shard(0)])
        #expect(service.isHandingOver)
        #expect(begun(handOver(&service, .shard(0), at: 210)) == [.shard(1)])
        #expect(handOver(&service, .shard(1), at: 220).last == .announce(.restarted))
        #expect(!service.isHandingOver)
        #expect(service.restarting == [])
    }

    @Test(arguments: [HandoverEvent.prepared, .froze, .adopted])
    func aSuccessorThatFailsLeavesEverythingAsItWas(before step: HandoverEvent) throws {
        var service = Service.running()
        _ = try service.restart(service.shards, at: 200)
        for event in [HandoverEvent.prepared, .froze, .adopted].prefix(while: { $0 != step }) {
            _ = service.handle(.handover(event), of: .shard(0), at: 210)
        }
        let orders = service.handle(.handover(.successorEnded(.exit(1))), of: .shard(0), at: 220)
        #expect(orders.last == .announce(.restartsHalted(at: .shard(0))))
        #expect(service.restarting == [])
        #expect(service.readyShards == 2)
        #expect(service.child(.shard(0))?.launches == 1)
        // It can be requested again.
        #expect(begun(try service.restart(service.shards, at: 300)) == [.shard(0)])
        #expect(begun(handOver(&service, .shard(0), at: 310)) == [.shard(1)])
    }

    @Test func aShardThatIsNotReadyIsNotWaitedForBesideASuccessor() throws {
        var service = Service.running()
        _ = service.handle(.ended(.signal(9)), of: .shard(0), at: 200)
        #expect(try service.restart([.shard(0)], at: 201) == [.child(.shard(0), .spawn)])
    }

    @Test func restartsThatAreHeldWaitAndTheOneUnderWayEnds() throws {
        var service = Service.running()
        _ = try service.restart(service.shards, at: 200)
        #expect(service.holdRestarts(true, at: 201) == [])
        #expect(begun(handOver(&service, .shard(0), at: 210)) == [])
        #expect(!service.isHandingOver)
        #expect(service.restarting == [.shard(1)])
        #expect(begun(service.holdRestarts(false, at: 220)) == [.shard(1)])
    }

    @Test func aStopTakesAHandOverBackAndEndsBoth() throws {
        var service = Service.running(shards: 1)
        _ = try service.restart([.shard(0)], at: 200)
        _ = service.handle(.handover(.prepared), of: .shard(0), at: 210)
        _ = service.handle(.handover(.froze), of: .shard(0), at: 220)
        #expect(
            service.stop(at: 230) == [
                .child(.shard(0), .successor(.dismiss)), .child(.shard(0), .send(.resume)),
                .child(.shard(0), .send(.terminate)),
            ])
    }
}
