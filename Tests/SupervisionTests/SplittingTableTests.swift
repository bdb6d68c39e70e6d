import Testing

@testable import Supervision

/// The table of a shard that moves some of its miners to another one: every phase and every event, at the moment of the
/// deadline.
@Suite struct SplittingTableTests {
    private static let begun: [(ChildEvent, Int64)] = [
        (.start, 0), (.saidReady, 10), (.heartbeat, 5_000), (.split(miners: 9), 6_000),
    ]
    private static let given = begun + [(.handover(.froze), 6_100)]

    static let situations: [MergeTableTests.Situation] = [
        .init(name: "freezing", path: begun, now: 8_000),
        .init(name: "offering", path: given, now: 36_100),
        .init(name: "offering, dead", path: given + [(.ended(.signal(9)), 6_150)], now: 36_100),
    ]

    static let events = MergeTableTests.events + [("split", .split(miners: 1))]

    /// Each cell: the next state, then the actions. A dot means that nothing happens. The last nine columns, events
    /// without a meaning here, are dots in every row.
    static let expected: [String: [String]] = [
        //  froze, cannotFreeze, merged, notMerged, killed, left, deadline, stop, stopAtOnce
        "freezing": [
            "offering give", "ready splitFailed resume", ".", ".", "backoff crashed", "backoff crashed",
            "ready splitFailed resume", "stopping resume TERM", "killing KILL",
        ],
        "offering": [
            ".", ".", "ready release split", "ready resume splitFailed", "offering", "offering", "offering splitFailed",
            "killing KILL", "killing KILL",
        ],
        "offering, dead": [
            ".", ".", "backoff crashed", "backoff crashed", "offering", "offering", "offering splitFailed", "stopped",
            "stopped",
        ],
    ]

    @Test(arguments: situations.indices, events.indices)
    func everyPairDoesWhatTheTableSays(situation: Int, event: Int) {
        let situation = Self.situations[situation]
        let row = (Self.expected[situation.name] ?? []) + Array(repeating: ".", count: 9)
        #expect(situation.cell(of: Self.events[event]) == row[event], "\(situation.name) × \(Self.events[event].0)")
    }

    // MARK: - The service

    @Test func whatIsAskedForMeanwhileIsDoneAfterwards() throws {
        var service = Service.running(shards: 3)
        #expect(try service.split(miners: 5, of: .shard(0), at: 200).contains(.child(.shard(0), .send(.freeze))))
        #expect(service.isHandingOver && service.occupiedShards.count == 3)
        #expect(throws: RestartRefusal.isRebalancing) { try service.drain(.shard(0), withinMillis: 9, at: 201) }
        #expect(try service.restart([.shard(0)], at: 202) == [])
        #expect(try service.scale(to: 2, withinMillis: 9, at: 203) == [])
        _ = service.handle(.handover(.froze), of: .shard(0), at: 210)
        let orders = service.handle(.merged, of: .shard(0), at: 220)
        #expect(orders.starts(with: [.child(.shard(0), .release), .child(.shard(0), .report(.split))]))
        #expect(orders.contains(.child(.shard(0), .successor(.spawn))))
        #expect(service.scalesTo == 2)
    }

    @Test func nothingIsSharedWhileSomethingElseIsUnderWay() throws {
        var service = Service.running(shards: 2)
        _ = try service.restart([.shard(1)], at: 200)
        #expect(throws: RestartRefusal.isBeingReplaced(.shard(1))) {
            try service.split(miners: 5, of: .shard(0), at: 201)
        }
        service = Service.running(shards: 2)
        _ = try service.scale(to: 1, withinMillis: 9, at: 200)
        #expect(throws: RestartRefusal.isScaling) { try service.split(miners: 5, of: .shard(0), at: 201) }
        service = Service.running(shards: 2)
        service.shardsHandOver = false
        #expect(throws: RestartRefusal.keepsNoConnections) { try service.split(miners: 5, of: .shard(0), at: 201) }
    }

    // MARK: - The steps of a rebalancing

    @Test func stepsLeadToEqualNumbers() throws {
        var miners: [ChildName: Int] = [.shard(0): 1_000, .shard(1): 1_000, .shard(2): 0, .shard(3): 0]
        var steps = 0
        while let step = Rebalancing.step(miners), steps < 50 {
            miners[step.from]! -= step.miners
            miners[step.to]! += step.miners
            steps += 1
        }
        #expect(steps < 20)
        #expect(miners.values.max()! - miners.values.min()! <= 1)
    }

    @Test func shardsThatCannotGiveAreLeftOut() {
        let miners: [ChildName: Int] = [.shard(0): 1_000, .shard(1): 600, .shard(2): 0]
        let step = Rebalancing.step(miners, except: [.shard(0)])
        #expect(step?.from == .shard(1) && step?.to == .shard(2) && step?.miners == 300)
        #expect(Rebalancing.step(miners, except: [.shard(0), .shard(1), .shard(2)]) == nil)
        #expect(Rebalancing.step([.shard(0): 1_000]) == nil)
        #expect(Rebalancing.step([.shard(0): 3, .shard(1): 2]) == nil)
    }
}
