import Configuration
import Continuity
import EventBus
import Foundation
import Glibc
import Telemetry
import TestSupport
import Testing

/// A shard that leaves gives its miners and pools to another one, and nobody notices.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct AbsorptionProcessTests {
    /// Two workers under load, and the test in the place of supervisor and collector.
    private final class Stage {
        let scratch: Scratch
        let pool: PracticePool
        let settings: Settings
        let successions: [WorkerProcess.Succession]
        var workers: [WorkerProcess] = []
        let listeners: [ShardListener]
        private let context: BusContext

        init() throws {
            scratch = Scratch()
            pool = try PracticePool(["--job-interval", "1", "--reply-delay", "30"], in: scratch)
            var settings = Settings()
            settings.pools = [Settings.Pool(host: "127.0.0.1", port: pool.port, user: "practice", password: "x")]
            settings.runDirectory = scratch.url.path
            settings.usesColors = false
            settings.shards = 2
            self.settings = settings
            successions = [try WorkerProcess.Succession(shard: 0), try WorkerProcess.Succession(shard: 1)]
            workers = try successions.map { try WorkerProcess(settings, $0) }
            for worker in workers { try #require(worker.says("ready")) }
            let context = try BusContext()
            self.context = context
            listeners = try [UInt16(0), 1].map {
                ShardListener(try EventSubscriber(context, runDirectory: settings.runDirectory, source: .shard($0)))
            }
        }

        func startSwarm(_ shard: Int, seconds: Int) throws -> Swarm {
            let report = scratch.file("swarm-\(shard).json")
            let program = try Program(
                "millrace-swarm",
                [
                    "--connect", "127.0.0.1:\(successions[shard].port)", "--quiet", "--report-file", report.path,
                    "--miners",
                    "300", "--rate", "400", "--workers", "50", "--seconds", "\(seconds)",
                ], in: scratch)
            return Swarm(program: program, reportFile: report)
        }

        /// Hears the shards until the condition holds.
        func hear(within seconds: Double = 20, until condition: () -> Bool) -> Bool {
            eventually(within: seconds) {
                for listener in listeners { listener.listen() }
                return condition()
            }
        }
    }

    /// What a collector learns of one shard.
    private final class ShardListener {
        private let subscriber: EventSubscriber
        private(set) var accepted = 0
        private(set) var present: Set<MinerKey> = []
        private(set) var strangers = 0
        private(set) var lost: [UInt64] = []
        private(set) var isOver = false

        init(_ subscriber: EventSubscriber) { self.subscriber = subscriber }

        func listen() {
            let now = UInt64(ProcessInfo.processInfo.systemUptime * 1_000)
            subscriber.receive(at: now) { news in
                for item in news { take(item) }
            }
            if let position = subscriber.position { subscriber.acknowledge(position) }
        }

        private func take(_ news: SequenceGate.Delivery) {
            switch news {
            case .epochBegan: present = []
            case .liveMiners(_, let miners): present = Set(miners.map(\.key))
            case .lost(_, let count): lost.append(count)
            case .events(_, let events): for event in events { take(event) }
            }
        }

        private func take(_ event: ShardEvent) {
            switch event {
            case .joined(let miner): present.insert(miner.key)
            case .left(let miner): present.remove(miner.key)
            case .share(let share):
                if share.outcome == .accepted { accepted += 1 }
                if !present.contains(share.miner) { strangers += 1 }
            case .checkpoint(let checkpoint): isOver = checkpoint.isLast
            case .poolError: break
            }
        }
    }

    /// Both swarms have ended: nobody has lost anything, and everybody has counted the same.
    private func expectNothingHappened(_ stage: Stage, _ swarms: [Swarm], logins: Int?) throws {
        var ok = 0
        for swarm in swarms {
            #expect(stage.hear(within: 60) { !swarm.program.isRunning })
            let report = try swarm.finish()
            #expect(report.connections.lost == 0)
            #expect(report.logins.ok == report.connections.made)
            #expect(report.shares.ok > 1_000)
            #expect(report.shares.lost == 0)
            #expect(report.shares.refused == [:])
            #expect(report.nonceConflicts == 0)
            ok += report.shares.ok
        }
        #expect(stage.hear { stage.listeners.reduce(0) { $0 + $1.accepted } == ok })
        #expect(stage.hear { stage.pool.accepted == ok })
        #expect(stage.pool.rejected?.count == 0)
        #expect(stage.pool.logins == logins, "the pool was logged in to again")
        #expect(stage.listeners.flatMap(\.lost).allSatisfy { $0 == 0 })
        #expect(stage.listeners.map(\.strangers) == [0, 0], "shares of miners that nobody knows")
    }

    private func freeze(_ worker: WorkerProcess) throws {
        worker.say(.freeze)
        try #require(worker.says("froze"))
    }

    /// Both workers with miners, and the logins that the pool has seen.
    private func underLoad(seconds: Int) throws -> (stage: Stage, swarms: [Swarm], logins: Int?) {
        let stage = try Stage()
        let swarms = try [0, 1].map { try stage.startSwarm($0, seconds: seconds) }
        for swarm in swarms { try #require(stage.hear { (swarm.current?.shares.ok ?? 0) > 300 }) }
        usleep(600_000)  // the pool writes its report twice a second
        return (stage, swarms, stage.pool.logins)
    }

    @Test func theMinersOfADepartingShardStayAndEveryShareIsCounted() throws {
        let (stage, swarms, logins) = try underLoad(seconds: 8)
        try freeze(stage.workers[1])
        #expect(stage.workers[0].absorb(stage.successions[1].departing))
        try #require(stage.workers[0].says("absorbed 1 1"))
        stage.workers[1].say(.absorbed)
        #expect(stage.hear { stage.listeners[1].isOver && stage.listeners[1].present.isEmpty })
        #expect(stage.workers[1].end(with: 0) == 0)
        #expect(stage.hear { stage.listeners[0].present.count == 600 })
        try expectNothingHappened(stage, swarms, logins: logins)
    }

    @Test func aShardThatCannotBeAbsorbedGoesOn() throws {
        let (stage, swarms, logins) = try underLoad(seconds: 6)
        try freeze(stage.workers[1])
        // Of another process, and without an anchor that answers.
        let (memory, anchor) = (stage.successions[1].memory, stage.successions[1].anchor)
        for (incarnation, anchor) in [(UInt64(2), anchor), (1, memory)] {
            let wrong = MergeOffer(shard: 1, incarnation: incarnation, memory: memory, anchor: anchor)
            #expect(stage.workers[0].absorb(wrong))
            try #require(stage.workers[0].says("cannot absorb 1 \(incarnation)"))
        }
        stage.workers[1].say(.resume)
        try expectNothingHappened(stage, swarms, logins: logins)
        #expect(stage.listeners.map(\.present.isEmpty) == [true, true])
    }

    /// The one that absorbs is killed when it is done, and the supervisor has not heard of it.
    @Test func whoComesAfterAKilledOneKnowsWhatWasAbsorbed() throws {
        let (stage, swarms, logins) = try underLoad(seconds: 8)
        try freeze(stage.workers[1])
        #expect(stage.workers[0].absorb(stage.successions[1].departing))
        try #require(stage.workers[0].says("absorbed 1 1"))
        stage.workers[0].end(with: SIGKILL)
        let successor = try WorkerProcess(stage.settings, stage.successions[0])
        try #require(successor.says("absorbed 1 1"))
        stage.successions[0].liftFormer()
        // Asked again, it says so again.
        #expect(successor.absorb(stage.successions[1].departing))
        #expect(
            eventually(within: 5) {
                successor.says("absorbed 1 1") && successor.heard.count { $0 == "absorbed 1 1" } == 2
            })
        stage.workers[1].say(.absorbed)
        #expect(stage.hear { stage.listeners[1].isOver && stage.listeners[1].present.isEmpty })
        #expect(stage.workers[1].end(with: 0) == 0)
        #expect(stage.hear { stage.listeners[0].present.count == 600 })
        try expectNothingHappened(stage, swarms, logins: logins)
    }

    /// The one that was absorbed is killed before its events are handed over, or before it was told to stand still.
    @Test(arguments: [true, false]) func whatAKilledShardHasNotToldIsToldByTheNext(hasFrozen: Bool) throws {
        let (stage, swarms, logins) = try underLoad(seconds: 8)
        if hasFrozen {
            try freeze(stage.workers[1])
        } else {
            stage.workers[1].end(with: SIGKILL)
        }
        let departing = stage.successions[1].departing
        #expect(stage.workers[0].absorb(departing))
        try #require(stage.workers[0].says("absorbed 1 1"))
        stage.workers[1].end(with: SIGKILL)
        // Nobody has heard the last events of that shard.
        let successor = try WorkerProcess(stage.settings, stage.successions[1], standsBeside: true)
        try #require(successor.says("prepared"))
        successor.say(.absorbed)
        try #require(successor.says("ready"))
        stage.successions[1].liftFormer()
        #expect(stage.hear { stage.listeners[1].isOver && stage.listeners[1].present.isEmpty })
        #expect(successor.end(with: 0) == 0)
        #expect(stage.hear { stage.listeners[0].present.count == 600 })
        try expectNothingHappened(stage, swarms, logins: logins)
        // Nothing is left there that somebody could take up again.
        let afterwards = try WorkerProcess(stage.settings, stage.successions[1])
        #expect(afterwards.says("ready"))
        #expect(stage.hear { stage.listeners[0].present.isEmpty })
    }

    // MARK: - A part of a shard

    /// Of 300 miners the second upstream has at least 44.
    private static let part = ShardPart(number: 1, miners: 150)

    private func expectThePartMoved(_ stage: Stage) {
        #expect(
            stage.hear {
                stage.listeners.map(\.present.count).reduce(0, +) == 600
                    && (330...450).contains(stage.listeners[0].present.count)
            }, "\(stage.listeners.map(\.present.count))")
    }

    @Test func aPartMovesAndTheRestStays() throws {
        let (stage, swarms, logins) = try underLoad(seconds: 8)
        try freeze(stage.workers[1])
        // None is so small.
        #expect(stage.workers[0].absorb(stage.successions[1].departing(ShardPart(number: 1, miners: 3))))
        try #require(stage.workers[0].says("cannot absorb 1 1 1"))
        let part = ShardPart(number: 2, miners: 150)
        #expect(stage.workers[0].absorb(stage.successions[1].departing(part)))
        try #require(stage.workers[0].says("absorbed 1 1 2"))
        stage.workers[1].release(part)
        expectThePartMoved(stage)
        // Nothing of it is left there to be taken again.
        stage.workers[1].say(.freeze)
        #expect(
            eventually(within: 5) {
                stage.workers[1].says("froze") && stage.workers[1].heard.count { $0 == "froze" } == 2
            })
        stage.workers[1].say(.resume)
        try expectNothingHappened(stage, swarms, logins: logins)
    }

    /// The one that gives is killed before it has heard that it has given, or before it was told to stand still. Its successor is,
    /// too, when it serves without the part.
    @Test(arguments: [true, false]) func whatAKilledShardHasGivenItsSuccessorHasNot(hasFrozen: Bool) throws {
        let (stage, swarms, logins) = try underLoad(seconds: 9)
        if hasFrozen {
            try freeze(stage.workers[1])
        } else {
            stage.workers[1].end(with: SIGKILL)
        }
        #expect(stage.workers[0].absorb(stage.successions[1].departing(Self.part)))
        try #require(stage.workers[0].says("absorbed 1 1 1"))
        stage.workers[1].end(with: SIGKILL)
        stage.successions[1].released = LaunchContext.Succession.Released(incarnation: 1, part: Self.part)
        for _ in 0..<2 {
            let successor = try WorkerProcess(stage.settings, stage.successions[1])
            try #require(successor.says("ready"))
            stage.successions[1].liftFormer()
            stage.workers[1] = successor
            expectThePartMoved(stage)
            successor.end(with: SIGKILL)
        }
        let last = try WorkerProcess(stage.settings, stage.successions[1])
        try #require(last.says("ready"))
        stage.successions[1].liftFormer()
        try expectNothingHappened(stage, swarms, logins: logins)
    }

    /// The one that takes is killed when it is done, and the supervisor has not heard of it.
    @Test func whoComesAfterAKilledOneKnowsWhichPartItHas() throws {
        let (stage, swarms, logins) = try underLoad(seconds: 8)
        try freeze(stage.workers[1])
        let departing = stage.successions[1].departing(Self.part)
        #expect(stage.workers[0].absorb(departing))
        try #require(stage.workers[0].says("absorbed 1 1 1"))
        stage.workers[0].end(with: SIGKILL)
        let successor = try WorkerProcess(stage.settings, stage.successions[0])
        try #require(successor.says("absorbed 1 1 1"))
        stage.successions[0].liftFormer()
        #expect(successor.absorb(departing))
        #expect(
            eventually(within: 5) {
                successor.says("absorbed 1 1 1") && successor.heard.count { $0 == "absorbed 1 1 1" } == 2
            })
        stage.workers[1].release(Self.part)
        expectThePartMoved(stage)
        try expectNothingHappened(stage, swarms, logins: logins)
    }
}
