import Testing

@testable import Supervision

/// The state table: every state and every event, at the moment of the deadline.
@Suite struct ChildTableTests {
    /// The name of a state, the events that lead to it, and the time of the tested event.
    struct Situation {
        let name: String
        let path: [(ChildEvent, Int64)]
        let now: Int64
    }

    static let crashed = ExitReason.signal(9)
    static let refusal = ExitReason.exit(2)

    static let situations: [Situation] = [
        Situation(name: "idle", path: [], now: 0),
        Situation(name: "starting", path: [(.start, 0)], now: 15_000),
        Situation(name: "ready", path: [(.start, 0), (.saidReady, 50), (.heartbeat, 1_000)], now: 21_000),
        Situation(name: "terminating", path: [(.start, 0), (.deadline, 15_000)], now: 18_000),
        Situation(name: "replacing", path: [(.start, 0), (.saidReady, 50), (.restart, 10)], now: 3_010),
        Situation(name: "backoff", path: [(.start, 0), (.ended(crashed), 10)], now: 110),
        Situation(name: "stopping", path: [(.start, 0), (.stop, 10)], now: 3_010),
        Situation(name: "killing", path: [(.start, 0), (.stopAtOnce, 10)], now: 2_010),
        Situation(name: "failed", path: [(.start, 0), (.ended(refusal), 10)], now: 60_010),
        Situation(name: "stopped", path: [(.stop, 0)], now: 20),
        Situation(
            name: "draining", path: [(.start, 0), (.saidReady, 50), (.drain(withinMillis: 500), 100)], now: 3_600),
        Situation(name: "drained", path: [(.drain(withinMillis: 500), 0)], now: 20),
    ]

    static let events: [(String, ChildEvent)] = [
        ("start", .start), ("stop", .stop), ("stopAtOnce", .stopAtOnce), ("saidReady", .saidReady),
        ("heartbeat", .heartbeat),
        ("ended", .ended(crashed)), ("deadline", .deadline), ("restart", .restart), ("handOver", .handOver),
        ("adopted", .handover(.adopted)), ("drain", .drain(withinMillis: 500)),
        ("move", .move(drainWithinMillis: 500)), ("merged", .merged), ("notMerged", .notMerged),
    ]

    /// Each cell: the next state, then the actions. A dot means that nothing happens.
    static let expected: [String: [String]] = [
        //           start             stop                stopAtOnce      saidReady      heartbeat
        //           ended             deadline            restart         handOver       adopted     drain
        //           move              merged              notMerged
        "idle": [
            "starting spawn", "stopped", "stopped", ".", ".",
            ".", ".", ".", ".", ".", "drained drained", "drained drained", ".", ".",
        ],
        "starting": [
            ".", "stopping TERM", "killing KILL", "ready ready", ".",
            "backoff crashed", "terminating neverReady TERM", "replacing replacing YIELD", "replacing replacing YIELD",
            ".",
            "draining draining DRAIN", "draining draining DRAIN", ".", ".",
        ],
        "ready": [
            ".", "stopping TERM", "killing KILL", ".", "ready",
            "backoff crashed", "terminating stalled ABRT", "replacing replacing YIELD",
            "handingOver handingOver spawnBeside",
            ".", "draining draining DRAIN", "moving moving freeze", ".", ".",
        ],
        "terminating": [
            ".", "stopping", "killing KILL", ".", ".",
            "backoff crashed", "terminating killed KILL", ".", ".", ".", "draining", "draining", ".", ".",
        ],
        "replacing": [
            ".", "stopping", "killing KILL", ".", ".",
            "starting replaced spawn", "replacing killed KILL", ".", ".", ".", "draining", "draining", ".", ".",
        ],
        "backoff": [
            "starting spawn", "stopped", "stopped", ".", ".",
            ".", "starting spawn", "starting spawn", "starting spawn", ".", "drained drained", "drained drained", ".",
            ".",
        ],
        "stopping": [
            ".", ".", "killing KILL", ".", ".",
            "stopped stopped", "killing killed KILL", ".", ".", ".", ".", ".", ".", ".",
        ],
        "killing": [
            ".", ".", ".", ".", ".",
            "stopped stopped", "stopped abandoned", ".", ".", ".", ".", ".", ".", ".",
        ],
        "failed": [
            "starting spawn", "stopped", "stopped", ".", ".",
            ".", "starting spawn", "starting spawn", "starting spawn", ".", "drained drained", "drained drained", ".",
            ".",
        ],
        "draining": [
            ".", "stopping TERM", "killing KILL", ".", ".",
            "drained drained", "draining killed KILL", ".", ".", ".", ".", ".", ".", ".",
        ],
        "drained": [
            "starting spawn", "stopped", "stopped", ".", ".",
            ".", ".", "starting spawn", "starting spawn", ".", ".", ".", ".", ".",
        ],
        "stopped": [
            "starting spawn", ".", ".", ".", ".",
            ".", ".", ".", ".", ".", "drained drained", "drained drained", ".", ".",
        ],
    ]

    @Test(arguments: situations.indices, events.indices)
    func everyPairDoesWhatTheTableSays(situation: Int, event: Int) {
        let situation = Self.situations[situation]
        var child = Child(after: situation.path)
        #expect(Self.name(of: child.state) == situation.name)

        let before = child.state
        let actions = child.handle(Self.events[event].1, at: situation.now)
        let words = [Self.name(of: child.state)] + actions.map(Self.word)
        let cell = child.state == before && actions.isEmpty ? "." : words.joined(separator: " ")
        #expect(cell == Self.expected[situation.name]?[event], "\(situation.name) × \(Self.events[event].0)")
    }

    @Test func theTableHasARowForEachStateAndAColumnForEachEvent() {
        #expect(Self.expected.count == 12)
        #expect(Self.expected.values.allSatisfy { $0.count == Self.events.count })
    }

    @Test(arguments: situations.indices)
    func aDeadlineThatComesTooEarlyChangesNothing(situation: Int) {
        let situation = Self.situations[situation]
        var child = Child(after: situation.path)
        let before = child.state
        let early = child.deadline.map { $0 - 1 } ?? situation.now
        #expect(child.handle(.deadline, at: early) == [])
        #expect(child.state == before)
    }
}

extension ChildTableTests {
    static func name(of state: ChildState) -> String {
        switch state {
        case .idle: "idle"
        case .starting: "starting"
        case .ready: "ready"
        case .terminating: "terminating"
        case .replacing: "replacing"
        case .handingOver: "handingOver"
        case .merging: "moving"
        case .splitting: "splitting"
        case .backoff: "backoff"
        case .stopping: "stopping"
        case .killing: "killing"
        case .failed: "failed"
        case .stopped: "stopped"
        case .draining: "draining"
        case .drained: "drained"
        }
    }

    static func word(_ action: ChildAction) -> String {
        switch action {
        case .spawn: "spawn"
        case .send(.terminate): "TERM"
        case .send(.yield): "YIELD"
        case .send(.abort): "ABRT"
        case .send(.kill): "KILL"
        case .send(.freeze): "freeze"
        case .send(.resume): "resume"
        case .send(.leave): "leave"
        case .send(.absorbed): "absorbed"
        case .release: "release"
        case .requestMerge: "give"
        case .send(.go): "go"
        case .successor(.spawn): "spawnBeside"
        case .successor(.adopt): "adopt"
        case .successor(.promote): "promote"
        case .successor(.dismiss): "dismiss"
        case .send(.drain): "DRAIN"
        case .report(let report):
            switch report {
            case .ready: "ready"
            case .neverReady: "neverReady"
            case .stalled: "stalled"
            case .killed: "killed"
            case .crashed: "crashed"
            case .failed: "failed"
            case .replacing: "replacing"
            case .handingOver: "handingOver"
            case .handoverFailed: "handoverFailed"
            case .merging: "moving"
            case .moveFailed: "moveFailed"
            case .moved: "moved"
            case .splitting: "splitting"
            case .split: "split"
            case .splitFailed: "splitFailed"
            case .replaced: "replaced"
            case .stopped: "stopped"
            case .draining: "draining"
            case .drained: "drained"
            case .abandoned: "abandoned"
            }
        }
    }
}
