import Testing

@testable import Supervision

/// The table of a shard that is removed and whose miners move to another one: every phase and every event, at the
/// moment of the deadline.
@Suite struct MergeTableTests {
    struct Situation {
        let name: String
        let path: [(ChildEvent, Int64)]
        let now: Int64

        /// The result of the event in this situation, as the tables write it.
        func cell(of event: (name: String, event: ChildEvent)) -> String {
            var child = Child(after: path)
            #expect(name.hasPrefix(phase(of: child.state)))

            let before = child.state
            let actions = child.handle(event.event, at: now)
            let isSame = child.state == before && actions.isEmpty && !["killed", "left"].contains(event.name)
            let words = [phase(of: child.state)] + actions.map(ChildTableTests.word)
            return isSame ? "." : words.joined(separator: " ")
        }

        private func phase(of state: ChildState) -> String {
            switch state {
            case .merging(let merge): "\(merge.phase)"
            case .splitting(let splitting): "\(splitting.phase)"
            default: ChildTableTests.name(of: state)
            }
        }
    }

    private static let begun: [(ChildEvent, Int64)] = [
        (.start, 0), (.saidReady, 10), (.heartbeat, 5_000), (.move(drainWithinMillis: 9_000), 6_000),
    ]
    private static let given = begun + [(.handover(.froze), 6_100)]
    private static let orphaned = given + [(.ended(.signal(9)), 6_150)]

    static let situations: [Situation] = [
        Situation(name: "freezing", path: begun, now: 8_000),
        Situation(name: "offering", path: given, now: 36_100),
        Situation(name: "offering, dead", path: orphaned, now: 36_100),
        Situation(name: "leaving", path: given + [(.merged, 6_200)], now: 316_200),
        Situation(
            name: "leaving, third process",
            path: orphaned + [(.merged, 6_200), (.ended(.signal(9)), 6_210), (.ended(.signal(9)), 6_220)], now: 316_220),
    ]

    static let events: [(String, ChildEvent)] = [
        ("froze", .handover(.froze)), ("cannotFreeze", .handover(.cannotFreeze)), ("merged", .merged),
        ("notMerged", .notMerged), ("killed", .ended(.signal(9))), ("left", .ended(.exit(0))), ("deadline", .deadline),
        ("stop", .stop), ("stopAtOnce", .stopAtOnce), ("prepared", .handover(.prepared)), ("start", .start),
        ("restart", .restart), ("handOver", .handOver), ("drain", .drain(withinMillis: 1)),
        ("move", .move(drainWithinMillis: 1)), ("saidReady", .saidReady), ("heartbeat", .heartbeat),
    ]

    private static let drained = "draining moveFailed resume draining DRAIN"

    /// Each cell: the next phase or state, then the actions. A dot means that nothing happens. The last eight columns,
    /// events without a meaning here, are dots in every row.
    static let expected: [String: [String]] = [
        //  froze, cannotFreeze, merged, notMerged, killed, left, deadline, stop, stopAtOnce
        "freezing": [
            "offering give", drained, ".", ".", "offering give", "offering give", drained, "stopping resume TERM",
            "killing KILL",
        ],
        "offering": [
            ".", ".", "leaving absorbed", drained, "offering", "offering", "draining moveFailed KILL",
            "killing KILL", "killing KILL",
        ],
        "offering, dead": [
            ".", ".", "leaving spawn absorbed", "starting moveFailed spawn", "offering", "offering",
            "drained moveFailed drained", "drained drained", "drained drained",
        ],
        "leaving": [
            ".", ".", ".", ".", "leaving spawn absorbed", "drained moved", "draining killed KILL", "stopping TERM",
            "killing KILL",
        ],
        "leaving, third process": [
            ".", ".", ".", ".", "drained moved", "drained moved", "draining killed KILL", "stopping TERM",
            "killing KILL",
        ],
    ]

    @Test(arguments: situations.indices, events.indices)
    func everyPairDoesWhatTheTableSays(situation: Int, event: Int) {
        let situation = Self.situations[situation]
        let row = (Self.expected[situation.name] ?? []) + Array(repeating: ".", count: 8)
        #expect(situation.cell(of: Self.events[event]) == row[event], "\(situation.name) × \(Self.events[event].0)")
    }

    @Test func theTableHasARowForEachSituationAndAColumnForEachEvent() {
        #expect(Self.expected.count == Self.situations.count)
        #expect(Self.expected.values.allSatisfy { $0.count + 8 == Self.events.count })
    }

    // MARK: - The service

    @Test func theShardsThatGoMoveTogetherAndTheirPlacesVanish() throws {
        var service = Service.running(shards: 4)
        let orders = try service.scale(to: 2, withinMillis: 9, at: 200)
        #expect(
            orders.contains(.child(.shard(2), .send(.freeze))) && orders.contains(.child(.shard(3), .send(.freeze))))
        #expect(service.isHandingOver)
        for name in [ChildName.shard(2), .shard(3)] {
            #expect(service.handle(.handover(.froze), of: name, at: 210) == [.child(name, .requestMerge)])
        }
        // Planned restarts begin when all shards have moved.
        #expect(try service.restart([.shard(0)], at: 215) == [])
        for name in [ChildName.shard(3), .shard(2)] {
            _ = service.handle(.merged, of: name, at: 220)
            _ = service.handle(.ended(.exit(0)), of: name, at: 230)
        }
        #expect(service.shards == [.shard(0), .shard(1)])
        #expect(service.restarting == [.shard(0)])
    }

    @Test func aShardThatComesBackFromAMoveIsDrained() throws {
        var service = Service.running(shards: 2)
        _ = try service.scale(to: 1, withinMillis: 9, at: 200)
        _ = service.handle(.handover(.froze), of: .shard(1), at: 210)
        _ = service.handle(.ended(.signal(9)), of: .shard(1), at: 220)
        #expect(service.handle(.notMerged, of: .shard(1), at: 230).contains(.child(.shard(1), .spawn)))
        let orders = service.handle(.saidReady, of: .shard(1), at: 240)
        #expect(orders.contains(.child(.shard(1), .send(.drain(withinMillis: 9)))))
        _ = service.handle(.ended(.exit(0)), of: .shard(1), at: 250)
        #expect(service.shards == [.shard(0)])
    }
}
