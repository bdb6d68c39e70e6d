import TestSupport

@testable import Telemetry

/// A shard, a collector, and a network between them that loses, delays, doubles and reorders; either side may be killed
/// at any moment. Each seed is one schedule.
///
/// The shard that comes after another has a new epoch. The collector that comes after another has what the other one had
/// stored last, and goes on from there; its connections are new, so that nothing of before reaches it.
struct BusSimulation {
    private var generator: SeededGenerator
    private let seed: UInt64
    private let ringBytes: Int

    // The shard, and what is true of all its lives.
    private var log: EventLog
    private(set) var lives: [Life] = [Life()]
    private var keys: MinerKey = 0

    // The collector, and what it had of it when it last stored something.
    private var gate = SequenceGate(shard: 0)
    private(set) var books = Books()
    private var stored: (books: Books, position: (epoch: Epoch, next: UInt64)?)?

    // The network: messages and when they arrive.
    private var toCollector: [(due: UInt64, bytes: [UInt8])] = []
    private var toShard: [(due: UInt64, bytes: [UInt8])] = []
    private var isHealthy = false
    private var now: UInt64 = 0

    /// Rules that were broken, in words.
    private(set) var violations: [String] = []

    /// One life of the shard.
    struct Life {
        /// What tells each of its events from all others.
        var events: [UInt64] = []
        var counters = ShareCounters()
        /// What its predecessors do not have: it has said its last word.
        var saidLastWord = false
        var live: [MinerKey: MinerJoined] = [:]
    }

    init(seed: UInt64, foldsStatistics: Bool = false) {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        // Two segments hold some forty events; a large ring holds everything.
        ringBytes = generator.chance(40) ? 2 * 1_008 : 1 << 20
        log = EventLog(shard: 0, epoch: Epoch(high: seed, low: 1), bytesMax: ringBytes, segmentBytes: 1_008)
        if foldsStatistics { books.statistics = Statistics(startedAt: 0, shardCount: 1) }
    }

    var losesNothing: Bool { ringBytes > 2 * 1_008 }

    mutating func run() {
        for _ in 0..<Int.random(in: 5...40, using: &generator) { step() }
        // The storm is over: what was wrong until now must come right.
        isHealthy = true
        for _ in 0..<12 {
            record(.checkpoint(Checkpoint()))
            flush()
            deliver()
        }
        checkEnd()
    }

    private mutating func step() {
        for _ in 0..<Int.random(in: 0...(losesNothing ? 4 : 10), using: &generator) { record(randomEvent()) }
        if generator.chance(80) { flush() }
        deliver()
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<3: restartShard(isKilled: true)
        case 3..<6: restartShard(isKilled: false)
        case 6..<9: restartCollector()
        case 9..<30: store()
        default: break
        }
    }

    // MARK: - The shard

    private mutating func record(_ event: ShardEvent) {
        log.append(event)
        lives[lives.count - 1].note(event)
        lives[lives.count - 1].counters = log.counters
    }

    private mutating func randomEvent() -> ShardEvent {
        keys += 1
        let miners = lives[lives.count - 1].live.keys
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: return .joined(MinerJoined(key: keys, worker: "rig-\(keys % 3)", ip: "", agent: ""))
        case 1: if let key = miners.min() { return .left(MinerLeft(key: key)) }
        case 2: return .checkpoint(stamped())
        default: break
        }
        return .share(
            ShareSettled(
                miner: miners.max() ?? 0, time: now,
                outcome: ShareOutcome.allCases[Int.random(in: 0..<4, using: &generator)],
                difficulty: 1_000, creditedDifficulty: 1_000, actualDifficulty: keys))
    }

    private func stamped() -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.time = keys
        return checkpoint
    }

    private mutating func flush() {
        var frame: [UInt8] = []
        while log.takeUnsent(into: &frame) { send(frame, \.toCollector) }
    }

    private mutating func restartShard(isKilled: Bool) {
        if !isKilled {
            keys += 1
            var last = stamped()
            last.isLast = true
            record(.checkpoint(last))
            lives[lives.count - 1].saidLastWord = true
            flush()
        }
        // What the dead one has sent may still be under way; what it was asked may reach its successor, or nobody.
        if generator.chance(50) { toShard = [] }
        lives.append(Life())
        let epoch = Epoch(high: seed, low: UInt64(lives.count))
        log = EventLog(shard: 0, epoch: epoch, bytesMax: ringBytes, segmentBytes: 1_008)
    }

    private mutating func answer(_ bytes: [UInt8]) {
        switch try? BusMessage(decoding: bytes) {
        case .replay(let request):
            let live = Array(lives[lives.count - 1].live.values)
            var messages: [[UInt8]] = []
            log.answer(request, liveMiners: { live }, send: { messages.append($0) })
            for message in messages { send(message, \.toCollector) }
        case .acknowledge(let acknowledgement): log.acknowledge(acknowledgement)
        default: violations.append("the shard got something that it cannot read")
        }
    }

    // MARK: - The collector

    private mutating func receive(_ bytes: [UInt8]) {
        guard let message = try? BusMessage(decoding: bytes) else {
            return violations.append("the collector got something that it cannot read")
        }
        let news = gate.receive(message)
        books.statistics?.hear(news, from: 0, at: Statistics.Moment(time: now, monotonic: now))
        for item in news { books.enter(item, message, lives: lives, &violations) }
        let present = Int(books.present ?? 1) - 1
        // Nothing is called lost that the ring could still give.
        if present == lives.count - 1, books.pages[present].lostUpTo > log.oldest {
            violations.append("\(books.pages[present].lostUpTo) was called lost, the ring has \(log.oldest)")
        }
    }

    private mutating func store() {
        stored = (books, gate.position)
        guard let position = gate.position else { return }
        let message = Acknowledgement(shard: 0, epoch: position.epoch, before: position.next)
        send(BusMessage.acknowledge(message).encoded(), \.toShard)
    }

    private mutating func restartCollector() {
        toCollector = []
        toShard = []
        let statistics = books.statistics.map { _ in Statistics(startedAt: 0, shardCount: 1) }
        books = stored?.books ?? Books(statistics: statistics)
        gate = SequenceGate(shard: 0)
        if let position = stored?.position {
            gate = SequenceGate(shard: 0, resuming: position.epoch, next: position.next)
        }
    }

    // MARK: - The network

    private mutating func deliver() {
        now += isHealthy ? 400 : UInt64.random(in: 1...300, using: &generator)
        if let request = gate.requestDue(at: now) { send(BusMessage.replay(request).encoded(), \.toShard) }
        for bytes in take(\.toShard) { answer(bytes) }
        for bytes in take(\.toCollector) { receive(bytes) }
    }

    private mutating func send(
        _ bytes: [UInt8], _ channel: WritableKeyPath<BusSimulation, [(due: UInt64, bytes: [UInt8])]>
    ) {
        if isHealthy { return self[keyPath: channel].append((now, bytes)) }
        if generator.chance(20) { return }
        for _ in 0..<(generator.chance(15) ? 2 : 1) {
            self[keyPath: channel].append((now + UInt64.random(in: 0...800, using: &generator), bytes))
        }
    }

    private mutating func take(
        _ channel: WritableKeyPath<BusSimulation, [(due: UInt64, bytes: [UInt8])]>
    ) -> [[UInt8]] {
        let horizon = isHealthy ? .max : now
        var ready = self[keyPath: channel].filter { $0.due <= horizon }.map(\.bytes)
        self[keyPath: channel].removeAll { $0.due <= horizon }
        ready.shuffle(using: &generator)
        return ready
    }

    // MARK: - What must hold in the end

    private mutating func checkEnd() {
        let epoch = UInt64(lives.count)
        if gate.isBehind { violations.append("it is still behind") }
        if gate.position?.epoch.low != epoch || gate.position?.next != log.next {
            violations.append("it stands at \(String(describing: gate.position)), not at \(epoch), \(log.next)")
        }
        if books.present != epoch { violations.append("epoch \(books.present ?? 0) is folded as the present one") }
        if books.total.replayed < gate.replayedCount { violations.append("more was replayed than let through") }
        violations += books.faults(lives, losesNothing: losesNothing)
    }
}

extension BusSimulation.Life {
    fileprivate mutating func note(_ event: ShardEvent) {
        events.append(event.mark)
        switch event {
        case .joined(let joined): live[joined.key] = joined
        case .left(let left): live[left.key] = nil
        case .share, .poolError, .checkpoint: break
        }
    }
}

extension ShardEvent {
    /// Tells it from the others of a schedule, but for checkpoints of one moment and the coming from the going of a miner.
    var mark: UInt64 {
        switch self {
        case .joined(let joined): joined.key << 3 | 1
        case .left(let left): left.key << 3 | 2
        case .share(let share): share.actualDifficulty << 3 | 3
        case .poolError(let error): error.time << 3 | 4
        case .checkpoint(let checkpoint): checkpoint.time << 3 | (checkpoint.isLast ? 6 : 5)
        }
    }
}
