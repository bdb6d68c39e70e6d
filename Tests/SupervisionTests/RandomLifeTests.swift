import TestSupport
import Testing

@testable import Supervision

/// Random events for a whole service, in a world with only the rules of processes: a process exists once it is spawned,
/// and until it ends it may send anything, and anything may happen to it.
@Suite struct RandomLifeTests {
    struct World {
        var random: SeededGenerator
        var service: Service
        var now: Int64 = 0
        var alive: Set<ChildName> = []
        var successors: Set<ChildName> = []
        /// Asked to freeze and without an answer, or frozen.
        var frozen: Set<ChildName> = []
        var mortal: Set<ChildName> = []  // were sent SIGKILL
        /// Shards that another one was asked to absorb.
        var given: Set<ChildName> = []
        var isStopped = false

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            let shards = Int.random(in: 1...4, using: &random)
            service = Service(
                shards: shards, hasGateway: Bool.random(using: &random), policy: RestartPolicy(finalExitCodes: [2]))
            service.shardsHandOver = Int.random(in: 0..<4, using: &random) > 0
        }

        mutating func perform(_ orders: [Order]) {
            for order in orders {
                #expect(!isStopped, "an order after the stop: \(order)")
                switch order {
                case .child(let name, .spawn):
                    #expect(alive.insert(name).inserted, "two processes of \(name)")
                    if Int.random(in: 0..<20, using: &random) == 0 {
                        alive.remove(name)
                        perform(service.handle(.ended(.couldNotStart(-12)), of: name, at: now))
                    }
                case .child(let name, .send(let signal)):
                    #expect(alive.contains(name), "\(signal) to nobody")
                    if signal == .kill { mortal.insert(name) }
                    if signal == .freeze { #expect(frozen.insert(name).inserted, "asked twice") }
                    if signal == .absorbed { frozen.remove(name) }
                    if signal == .resume || signal == .leave {
                        #expect(frozen.remove(name) != nil, "\(signal) to one that was not asked to freeze")
                    }
                case .child(let name, .requestMerge):
                    #expect(frozen.contains(name) || !alive.contains(name), "gives away what moves")
                    given.insert(name)
                case .child(let name, .release):
                    #expect(frozen.remove(name) != nil, "release to one that was not asked to freeze")
                case .child(let name, .successor(let action)):
                    perform(action, name)
                case .child(_, .report):
                    break
                case .announce(.stopped):
                    #expect(alive.isEmpty, "stopped while \(alive) live")
                    isStopped = true
                case .announce(.restartsHalted), .announce(.restarted):
                    #expect(service.restarting.isEmpty)
                case .announce(.shrunk(let count)):
                    #expect(!alive.contains(.shard(count)), "shard \(count) lives and has no place")
                case .announce(.scaled(let count)):
                    #expect(service.shards == (0..<count).map { .shard($0) } && service.scalesTo == nil)
                case .announce(.serving), .announce(.nothingServes), .announce(.grown):
                    break
                }
            }
        }

        mutating func perform(_ action: SuccessorAction, _ name: ChildName) {
            switch action {
            case .spawn:
                #expect(alive.contains(name) && successors.insert(name).inserted, "a third process of \(name)")
            case .adopt:
                #expect(successors.contains(name) && frozen.contains(name), "adopts what moves")
            case .promote:
                #expect(successors.remove(name) != nil && alive.insert(name).inserted, "two processes of \(name) serve")
            case .dismiss:
                successors.remove(name)
            }
        }

        mutating func end(_ name: ChildName) {
            alive.remove(name)
            mortal.remove(name)
            frozen.remove(name)
            let endings: [ExitReason] = [.exit(0), .exit(1), .exit(2), .signal(9), .signal(11)]
            let jitter = Double.random(in: 0..<1, using: &random)
            perform(service.handle(.ended(endings.randomElement(using: &random)!), of: name, at: now, jitter: jitter))
        }

        mutating func ask(_ name: ChildName) {
            if Bool.random(using: &random) { return perform(service.replace([name], at: now)) }
            let orders = try? service.restart(service.shards, at: now)
            perform(orders ?? [])
        }

        /// A random event of a handover, valid or not.
        mutating func handOver(_ name: ChildName) {
            let words: [HandoverEvent] = [.prepared, .froze, .adopted, .cannotFreeze, .successorEnded(.exit(1))]
            let word = words[min(Int.random(in: 0..<12, using: &random) % 5, 4)]
            switch word {
            case .froze, .cannotFreeze: guard frozen.contains(name) else { return }
            case .prepared, .adopted: guard successors.contains(name) else { return }
            case .successorEnded: guard successors.remove(name) != nil else { return }
            }
            perform(service.handle(.handover(word), of: name, at: now))
        }

        mutating func changeShards() {
            if Bool.random(using: &random), let shard = service.shards.randomElement(using: &random) {
                perform((try? service.split(miners: 9, of: shard, at: now)) ?? [])
            } else if Bool.random(using: &random) {
                let shard = ChildName.shard(Int.random(in: 0..<5, using: &random))
                perform((try? service.drain(shard, withinMillis: 5_000, at: now)) ?? [])
            } else {
                let count = Int.random(in: 1...5, using: &random)
                perform((try? service.scale(to: count, withinMillis: 5_000, at: now)) ?? [])
            }
        }

        mutating func step() {
            now += Int64.random(in: 0...2_000, using: &random)
            // Every process here ends at SIGKILL, so a stop never has to abandon one.
            for name in service.names where mortal.contains(name) { end(name) }
            let name = service.names.randomElement(using: &random)!
            if Int.random(in: 0..<3, using: &random) > 0 { handOver(name) }
            if Int.random(in: 0..<3, using: &random) > 0, given.remove(name) != nil {
                perform(service.handle(Bool.random(using: &random) ? .merged : .notMerged, of: name, at: now))
            }
            switch Int.random(in: 0..<11, using: &random) {
            case 10: changeShards()
            case 0...1: perform(service.advance(to: now))
            case 2: perform(service.handle(.start, of: name, at: now))
            case 3: if alive.contains(name) { perform(service.handle(.heartbeat, of: name, at: now)) }
            case 8: ask(name)
            case 9: perform(service.wantGateway(Bool.random(using: &random), at: now))
            case 4: if alive.contains(name) { end(name) }
            default: if alive.contains(name) { perform(service.handle(.saidReady, of: name, at: now)) }
            }
        }
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func thereAreNeverTwoProcessesInOnePlaceAndEveryStopEnds(seed: UInt64) {
        var world = World(seed: seed)
        world.perform(world.service.start(at: 0))
        for _ in 0..<Int.random(in: 0...300, using: &world.random) where !world.isStopped { world.step() }
        for name in world.service.names {
            #expect(world.service.child(name)?.mayBeAlive == world.alive.contains(name), "\(name)")
            if world.successors.contains(name) {
                guard case .handingOver = world.service.child(name)?.state else {
                    Issue.record("a successor of \(name) is forgotten")
                    continue
                }
            }
        }
        #expect(world.service.shards == world.service.shards.indices.map { .shard($0) }, "the numbers have a gap")
        let away = world.service.names.filter { world.service.child($0)?.isReplacing == true }
        #expect(away.count <= 1, "planned restarts of \(away) at once")
        guard !world.isStopped else { return }

        world.perform(world.service.stop(at: world.now))
        let begun = world.now
        while !world.isStopped, let deadline = world.service.deadline {
            for name in world.service.names where world.mortal.contains(name) { world.end(name) }
            world.now = max(deadline, world.now)
            world.perform(world.service.advance(to: world.now))
        }
        #expect(world.isStopped)
        #expect(world.successors.isEmpty)
        #expect(world.now - begun <= 3 * 3_000 + 3_000)
    }
}
