import Testing

@testable import Supervision

/// The table of a handover: every phase and every event, at the moment of the deadline.
@Suite struct HandoverTableTests {
    struct Situation {
        let phase: String
        let path: [(ChildEvent, Int64)]
        let now: Int64
    }

    private static let begun: [(ChildEvent, Int64)] = [
        (.start, 0), (.saidReady, 10), (.heartbeat, 5_000), (.handOver, 6_000),
    ]
    private static let frozen = begun + [(.handover(.prepared), 6_100), (.handover(.froze), 6_200)]

    static let situations: [Situation] = [
        Situation(phase: "preparing", path: begun, now: 21_000),
        Situation(phase: "freezing", path: begun + [(.handover(.prepared), 6_100)], now: 8_100),
        Situation(phase: "adopting", path: frozen, now: 11_200),
        Situation(phase: "releasing", path: frozen + [(.handover(.adopted), 6_300)], now: 9_300),
        Situation(
            phase: "terminating", path: begun + [(.handover(.prepared), 6_100), (.deadline, 8_100)], now: 11_100),
    ]

    static let events: [(String, ChildEvent)] = [
        ("prepared", .handover(.prepared)), ("froze", .handover(.froze)), ("cannotFreeze", .handover(.cannotFreeze)),
        ("adopted", .handover(.adopted)), ("successorEnded", .handover(.successorEnded(.exit(1)))),
        ("ended", .ended(.signal(9))), ("deadline", .deadline), ("stop", .stop), ("stopAtOnce", .stopAtOnce),
        ("start", .start), ("restart", .restart), ("handOver", .handOver), ("saidReady", .saidReady),
        ("heartbeat", .heartbeat),
    ]

    /// Each cell: the next phase or state, then the actions. A dot means that nothing happens. The last five columns,
    /// events without a meaning here, are dots in every row.
    static let expected: [String: [String]] = [
        //  prepared, froze, cannotFreeze, adopted, successorEnded,
        //  ended, deadline, stop, stopAtOnce
        "preparing": [
            "freezing freeze", ".", ".", ".", "ready dismiss handoverFailed",
            "starting crashed promote go", "ready dismiss handoverFailed", "stopping dismiss TERM",
            "killing dismiss KILL",
        ],
        "freezing": [
            ".", "adopting adopt", "ready dismiss handoverFailed resume", ".", "ready dismiss handoverFailed resume",
            "starting crashed promote go", "terminating stalled ABRT", "stopping dismiss resume TERM",
            "killing dismiss KILL",
        ],
        "adopting": [
            ".", ".", ".", "releasing leave", "ready dismiss handoverFailed resume",
            "starting crashed promote go", "ready dismiss handoverFailed resume", "stopping dismiss resume TERM",
            "killing dismiss KILL",
        ],
        "releasing": [
            ".", ".", ".", ".", "replacing dismiss",
            "starting replaced promote go", "releasing killed KILL", "stopping dismiss", "killing dismiss KILL",
        ],
        "terminating": [
            ".", ".", ".", ".", "terminating dismiss",
            "starting crashed promote go", "terminating killed KILL", "stopping dismiss", "killing dismiss KILL",
        ],
    ]

    @Test(arguments: situations.indices, events.indices)
    func everyPairDoesWhatTheTableSays(situation: Int, event: Int) {
        let situation = Self.situations[situation]
        var child = Child(after: situation.path)
        #expect(name(of: child.state) == situation.phase)

        let before = child.state
        let actions = child.handle(Self.events[event].1, at: situation.now)
        let words = [name(of: child.state)] + actions.map(ChildTableTests.word)
        let cell = child.state == before && actions.isEmpty ? "." : words.joined(separator: " ")
        let row = (Self.expected[situation.phase] ?? []) + Array(repeating: ".", count: 5)
        #expect(cell == row[event], "\(situation.phase) × \(Self.events[event].0)")
    }

    @Test func theTableHasARowForEachPhaseAndAColumnForEachEvent() {
        #expect(Self.expected.values.allSatisfy { $0.count + 5 == Self.events.count })
    }

    @Test(arguments: situations.prefix(3).indices)
    func aDeadlineThatASleepingSupervisorMissedIsSetAnew(situation: Int) throws {
        let situation = Self.situations[situation]
        var child = Child(after: situation.path)
        let before = try #require(child.deadline)
        #expect(child.handle(.deadline, at: before + 60_000) == [])
        #expect(name(of: child.state) == situation.phase)
        #expect(try #require(child.deadline) > before + 60_000)
    }

    @Test func aHandOverCountsAsOneRestartThatWasAskedForAndAsNoDeath() {
        var child = Child(after: Self.frozen + [(.handover(.adopted), 6_300), (.ended(.exit(0)), 6_301)])
        #expect(child.handle(.saidReady, at: 6_310) == [.report(.ready(afterMillis: 310))])
        #expect(child.restarts == [.asked: 1])
        #expect(child.launches == 2)
        #expect(child.deaths == 0)
        #expect(child.handoverFault == nil)
    }

    @Test func aHandOverThatFailedCountsAsNoRestartAndIsForgottenWithTheNext() {
        var child = Child(after: Self.frozen + [(.handover(.successorEnded(.exit(1))), 6_300)])
        #expect(child.launches == 1)
        #expect(child.restarts == [:])
        #expect(child.handoverFault == .crashed(.exit(1)))
        _ = child.handle(.handOver, at: 7_000)
        #expect(child.handoverFault == nil)
    }

    @Test func aProcessThatDiesBesideItsSuccessorIsADeath() {
        let child = Child(after: Self.begun + [(.ended(.signal(11)), 6_050)])
        #expect(child.deaths == 1)
        #expect(child.lastDeath == .signal(11))
        #expect(child.restarts == [.signal(11): 1])
    }

    private func name(of state: ChildState) -> String {
        guard case .handingOver(let handover) = state else { return ChildTableTests.name(of: state) }
        return "\(handover.phase)"
    }
}
