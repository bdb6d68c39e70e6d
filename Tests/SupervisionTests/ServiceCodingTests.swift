import Foundation
import Testing

@testable import Supervision

/// One supervisor encodes a service, and another one continues it.
@Suite struct ServiceCodingTests {
    private func written(_ service: Service) throws -> Service {
        let policy = RestartPolicy(finalExitCodes: [2])
        let read = try JSONDecoder().decode(Service.self, from: try JSONEncoder().encode(service))
        var resumed = Service(resuming: read, policy: policy)
        resumed.shardsHandOver = service.shardsHandOver  // follows from the configuration
        return resumed
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func atAnyMomentOfAnyLifeItComesBackAsItWas(seed: UInt64) throws {
        var world = RandomLifeTests.World(seed: seed)
        #expect(try written(world.service) == world.service)
        world.perform(world.service.start(at: 0))
        for _ in 0..<100 where !world.isStopped {
            world.step()
            let twin = try written(world.service)
            #expect(twin == world.service)
            world.service = twin
        }
    }

    @Test func newLimitsCountFromThenOn() throws {
        var service = Service(shards: 1, hasGateway: false, policy: RestartPolicy())
        _ = service.start(at: 0)
        for name in service.names { _ = service.handle(.saidReady, of: name, at: 10) }
        var policy = RestartPolicy()
        policy.heartbeatWithinMillis = 7
        var successor = Service(resuming: service, policy: policy)
        #expect(successor.readyShards == 1)
        _ = successor.handle(.heartbeat, of: .shard(0), at: 1_000)
        #expect(successor.deadline == 1_007)
    }

    /// The format of an older supervisor. A name changed in the core fails here, and requires a new format.
    @Test func whatTheSecondFormatSaysIsUnderstood() throws {
        let text = """
            {"members":[{"name":{"collector":{}},"stage":0,"isWanted":true,"child":{"state":{"ready":{"since":5,\
            "heartbeatBy":90}},"deaths":0,"launches":1,"restarts":[],"quickDeaths":0,"cause":{"asked":{}}}},\
            {"name":{"shard":{"_0":0}},"stage":1,"isWanted":true,"child":{"state":{"backoff":{"until":70}},"deaths":2,\
            "lastDeath":{"signal":{"_0":9}},"launches":2,"restarts":[{"signal":{"_0":9}},1],"quickDeaths":2,\
            "cause":{"signal":{"_0":9}}}}],"phase":{"running":{}},"hasServed":true,\
            "waiting":[{"name":{"gateway":{}},"launches":1}],"underWay":{"shard":{"_0":0}}}
            """
        let service = try JSONDecoder().decode(Service.self, from: Data(text.utf8))
        #expect(service.names == [.collector, .shard(0)])
        #expect(service.child(.collector)?.state == .ready(since: 5, heartbeatBy: 90))
        let shard = try #require(service.child(.shard(0)))
        #expect(shard.state == .backoff(until: 70) && shard.restarts == [.signal(9): 1] && shard.launches == 2)
        #expect(service.restarting == [.shard(0), .gateway])
        #expect(service.hasServed && !service.isStopping)
    }
}
