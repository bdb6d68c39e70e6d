import Glibc
import Testing

@testable import Telemetry

/// A shard, a collector, and a network between them that loses, delays, doubles and reorders; either side may be killed
/// at any moment. Each seed is one schedule.
///
/// The suite tries a few of them, in two seconds; `MILLRACE_BUS_SCHEDULES=1000000` as many as you have time for.
struct BusSimulationTests {
    private func seeds(from first: UInt64) -> Range<UInt64> {
        let count = getenv("MILLRACE_BUS_SCHEDULES").flatMap { UInt64(String(cString: $0)) } ?? 120
        return first..<first + count
    }

    @Test func noEventIsLostOrCountedTwiceWhileTheLogHolds() {
        for seed in seeds(from: 0) {
            var simulation = Simulation(seed: seed, logBytes: 1 << 20, restartsCollector: false)
            simulation.run()
            simulation.expectEveryEvent(seed)
            simulation.expectTrueNumbers(seed)
        }
    }

    @Test func aCollectorThatStartsAnewHasTheNumbersAgain() {
        for seed in seeds(from: 1 << 32) {
            var simulation = Simulation(seed: seed, logBytes: 1 << 20, restartsCollector: true)
            simulation.run()
            simulation.expectTrueNumbers(seed)
        }
    }

    @Test func whenTheLogOverflowsTheTotalsAreRepairedAndTheLossIsCounted() {
        var seen = false
        for seed in seeds(from: 2 << 32) {
            var simulation = Simulation(seed: seed, logBytes: 2_048, restartsCollector: false)
            simulation.run()
            simulation.expectAccountedLoss(seed)
            simulation.expectTrueNumbers(seed)
            if simulation.lost > 0 { seen = true }
        }
        #expect(seen, "no schedule lost anything: the test has lost its sense")
    }
}

private struct Simulation {
    private var generator: SeededGenerator
    private let logBytes: Int
    private let restartsCollector: Bool

    // The shard, and what is true of it.
    private var log: EventLog
    private var events: [ShardEvent] = []
    private var live: [MinerKey: MinerJoined] = [:]
    private var keys: MinerKey = 0
    private var formerCounters: [Epoch: ShareCounters] = [:]

    // The collector, and what it heard of the present epoch.
    private var gate = SequenceGate(shard: 0)
    private var statistics = Statistics(startedAt: 0, shardCount: 1)
    private var heard: [ShardEvent] = []
    private(set) var lost: UInt64 = 0
    private var history: UInt64 = 0

    // The network: messages and when they arrive.
    private var toCollector: [(due: UInt64, bytes: [UInt8])] = []
    private var toShard: [(due: UInt64, bytes: [UInt8])] = []
    private var isHealthy = false
    private var now: UInt64 = 0

    init(seed: UInt64, logBytes: Int, restartsCollector: Bool) {
        generator = SeededGenerator(seed: seed)
        self.logBytes = logBytes
        self.restartsCollector = restartsCollector
        log = EventLog(shard: 0, epoch: Epoch(high: seed, low: 1), bytesMax: logBytes, segmentBytes: 1_008)
    }

    mutating func run() {
        for _ in 0..<150 { step() }
        // The storm is over: what was wrong until now must come right.
        isHealthy = true
        for _ in 0..<40 {
            var checkpoint = Checkpoint()
            checkpoint.time = now
            append(.checkpoint(checkpoint))
            deliver()
        }
    }

    private mutating func step() {
        for _ in 0..<Int.random(in: 0...4, using: &generator) { append(randomEvent()) }
        deliver()
        if generator.chance(1) { restartShard() }
        if restartsCollector, generator.chance(1) { restartCollector() }
    }

    private mutating func deliver() {
        var frame: [UInt8] = []
        while log.takeUnsent(into: &frame) { send(frame, \.toCollector) }
        now += UInt64.random(in: 1...300, using: &generator)
        if let request = gate.requestDue(at: now) { send(BusMessage.replay(request).encoded(), \.toShard) }
        for bytes in take(\.toShard) { answer(bytes) }
        for bytes in take(\.toCollector) { receive(bytes) }
    }

    private mutating func answer(_ bytes: [UInt8]) {
        guard case .replay(let request)? = try? BusMessage(decoding: bytes) else { return }
        var messages: [[UInt8]] = []
        log.answer(request, liveMiners: { Array(live.values) }, send: { messages.append($0) })
        for message in messages { send(message, \.toCollector) }
    }

    private mutating func receive(_ bytes: [UInt8]) {
        guard let message = try? BusMessage(decoding: bytes) else { return }
        let allNews = gate.receive(message)
        statistics.hear(allNews, from: 0, at: Statistics.Moment(time: now, monotonic: now))
        for news in allNews {
            switch news {
            case .epochBegan:
                heard = []
                lost = 0
                history = 0
            case .events(let epoch, let events): if epoch == log.epoch { heard += events }
            case .lost(let epoch, let count): if epoch == log.epoch { lost += count }
            case .liveMiners: break
            }
        }
        // What was over before the collector first heard of the shard is not called lost, but it is not heard either.
        let isTakenUp = allNews.contains { if case .liveMiners = $0 { true } else { false } }
        let isLoss = allNews.contains { if case .lost(let epoch, _) = $0 { epoch == log.epoch } else { false } }
        if isTakenUp, !isLoss, case .liveMiners(let live) = message { history = live.from }
    }

    // MARK: - The network

    private mutating func send(
        _ bytes: [UInt8], _ channel: WritableKeyPath<Simulation, [(due: UInt64, bytes: [UInt8])]>
    ) {
        if !isHealthy, generator.chance(20) { return }
        let copies = !isHealthy && generator.chance(15) ? 2 : 1
        for _ in 0..<copies {
            let delay = isHealthy ? 0 : UInt64.random(in: 0...800, using: &generator)
            self[keyPath: channel].append((now + delay, bytes))
        }
    }

    private mutating func take(
        _ channel: WritableKeyPath<Simulation, [(due: UInt64, bytes: [UInt8])]>
    ) -> [[UInt8]] {
        let horizon = isHealthy ? .max : now
        let ready = self[keyPath: channel].filter { $0.due <= horizon }.map(\.bytes)
        self[keyPath: channel].removeAll { $0.due <= horizon }
        return isHealthy ? ready : ready.shuffled(using: &generator)
    }

    // MARK: - The shard

    private mutating func append(_ event: ShardEvent) {
        log.append(event)
        switch event {
        case .joined(let joined): live[joined.key] = joined
        case .left(let left): live[left.key] = nil
        case .share, .poolError, .checkpoint: break
        }
        events.append(event)
    }

    private mutating func randomEvent() -> ShardEvent {
        keys += 1
        switch Int.random(in: 0..<10, using: &generator) {
        case 0, 1: return .joined(Sample.joined(keys, "rig-\(keys % 7)"))
        case 2:
            guard let key = live.keys.sorted().randomElement(using: &generator) else { break }
            return .left(MinerLeft(key: key))
        case 3: return .poolError(PoolError(time: keys, text: "\(keys)"))
        case 4:
            var checkpoint = Checkpoint()
            checkpoint.time = now
            return .checkpoint(checkpoint)
        default: break
        }
        let miner = live.keys.sorted().randomElement(using: &generator) ?? 0
        // The key makes each share one of its kind, so that a list of shares tells which of them arrived.
        return .share(
            ShareSettled(
                miner: miner, time: now, outcome: ShareOutcome.allCases.randomElement(using: &generator) ?? .accepted,
                isExpired: generator.chance(20), difficulty: 1_000, creditedDifficulty: 1_000, actualDifficulty: keys))
    }

    private mutating func restartShard() {
        // The network may still hold what the dead process sent. An epoch of which nothing was seen yet would be taken for
        // a new one if it came now; but a pipe, unlike this network, keeps its order.
        if gate.position?.epoch != log.epoch { toCollector = [] }
        toShard = []
        formerCounters[log.epoch] = log.counters
        log = EventLog(
            shard: 0, epoch: Epoch(high: log.epoch.high, low: log.epoch.low + 1), bytesMax: logBytes,
            segmentBytes: 1_008)
        events = []
        live = [:]
    }

    private mutating func restartCollector() {
        gate = SequenceGate(shard: 0)
        statistics = Statistics(startedAt: 0, shardCount: 1)
        toCollector = []
        heard = []
    }

    // MARK: - What must hold in the end

    /// Checkpoints are compared by their place only: the log fills in their counters.
    private static func strip(_ events: [ShardEvent]) -> [ShardEvent] {
        events.map { if case .checkpoint = $0 { .checkpoint(Checkpoint()) } else { $0 } }
    }

    func expectEveryEvent(_ seed: UInt64) {
        #expect(Self.strip(heard) == Self.strip(events), "seed \(seed)")
        #expect(statistics.shards[0].eventsLost >= lost, "seed \(seed)")
        let rows = statistics.workers.rows
        if statistics.shards[0].lives.count == 1 {
            let named = events.filter { if case .share(let share) = $0 { share.miner > 0 } else { false } }
            #expect(
                rows.reduce(0) { $0 + $1.accepted + $1.rejected + $1.invalid } == UInt64(named.count), "seed \(seed)")
        }
    }

    func expectAccountedLoss(_ seed: UInt64) {
        #expect(UInt64(events.count) == UInt64(heard.count) + lost + history, "seed \(seed)")
    }

    func expectTrueNumbers(_ seed: UInt64) {
        let shard = statistics.shards[0]
        #expect(!gate.isBehind, "seed \(seed)")
        #expect(shard.lives.last?.epoch == log.epoch, "seed \(seed)")
        #expect(shard.lives.last?.counted == log.counters, "seed \(seed)")
        for life in shard.lives.dropLast() {
            // Nobody can tell more than was heard of a dead process, but nothing of it may count twice.
            var most = formerCounters[life.epoch] ?? ShareCounters()
            #expect(most.raise(to: life.counted) == ShareCounters(), "seed \(seed)")
        }
        if shard.lives.count <= SequenceGate.formerMax {
            var sum = ShareCounters()
            for life in shard.lives { sum.add(life.counted) }
            #expect(statistics.totals == sum, "seed \(seed)")
        }
        #expect(Set(shard.lives.last.map { Array($0.miners.live.keys) } ?? []) == Set(live.keys), "seed \(seed)")
        var connections: [String: UInt32] = [:]
        for miner in live.values { connections[miner.worker ?? "", default: 0] += 1 }
        for row in statistics.workers.rows { #expect(row.connections == connections[row.name] ?? 0, "seed \(seed)") }
    }
}
