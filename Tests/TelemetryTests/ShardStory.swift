import TestSupport

@testable import Telemetry

/// Shards that make up what they say: they come and go, lose events and are other processes again.
struct ShardStory {
    /// What the outside does to a fold.
    enum Step {
        case hear([SequenceGate.Delivery], UInt16)
        case look
        case forget(unseenSince: UInt64)
        case replayed(UInt64, UInt16)
    }

    static let shardCount = 3

    var generator: SeededGenerator
    var now = Statistics.Moment(time: Sample.start, monotonic: 5_000)
    private var epochs = [Epoch?](repeating: nil, count: ShardStory.shardCount)
    private var positions = [UInt64](repeating: 0, count: ShardStory.shardCount)
    private var live = [[MinerKey]](repeating: [], count: ShardStory.shardCount)
    private var counters = [ShareCounters](repeating: ShareCounters(), count: ShardStory.shardCount)
    private var former: [Epoch] = []
    private var joined: MinerKey = 0
    private var replayed: UInt64 = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    func position(_ shard: Int) -> SavedShard.Position? {
        epochs[shard].map { SavedShard.Position(epoch: $0, next: positions[shard]) }
    }

    mutating func step() -> Step {
        let pause: UInt64 = generator.chance(3) ? 7_000_000 : generator.chance(10) ? 6_000 : 300
        now.time += pause
        now.monotonic += pause
        let shard = Int.random(in: 0..<ShardStory.shardCount, using: &generator)
        switch Int.random(in: 0..<30, using: &generator) {
        case 0...5: return .look
        case 6: return .forget(unseenSince: now.time - min(now.time, 5_000_000))
        case 7:
            replayed += 3
            return .replayed(replayed, UInt16(shard))
        case 8: return .hear([], UInt16(shard))
        case 9, 10: return .hear(begin(shard), UInt16(shard))
        case 11: return .hear(lose(shard), UInt16(shard))
        default: return .hear(epochs[shard] == nil ? begin(shard) : [events(shard)], UInt16(shard))
        }
    }

    private mutating func begin(_ shard: Int) -> [SequenceGate.Delivery] {
        if let old = epochs[shard] { former.append(old) }
        let epoch = Epoch(high: 7, low: generator.next())
        epochs[shard] = epoch
        positions[shard] = 0
        live[shard] = []
        counters[shard] = ShareCounters()
        return [.epochBegan(epoch), events(shard)]
    }

    private mutating func lose(_ shard: Int) -> [SequenceGate.Delivery] {
        guard let epoch = epochs[shard] else { return [] }
        positions[shard] += 50
        counters[shard].accepted += 20
        counters[shard].hashesTotal += 2_000
        live[shard].removeAll { _ in generator.chance(50) }
        let miners = live[shard].map { Sample.joined($0, "rig-\($0 % 12)") } + [join(shard)]
        return [.lost(epoch, 50), .liveMiners(epoch, miners.shuffled(using: &generator)), events(shard)]
    }

    private mutating func join(_ shard: Int) -> MinerJoined {
        joined += 1
        live[shard].append(joined)
        counters[shard].joined += 1
        let worker = generator.chance(90) ? "rig-\(joined % 12)" : nil
        return Sample.joined(joined, worker, ip: "192.0.2.\(joined % 200)")
    }

    private mutating func events(_ shard: Int) -> SequenceGate.Delivery {
        let epoch = epochs[shard] ?? .unknown
        if generator.chance(4), let late = former.last {
            return .events(late, [.share(share(max(joined, 1)))])
        }
        let events = (0..<Int.random(in: 1...12, using: &generator)).map { _ in event(shard) }
        positions[shard] += UInt64(events.count)
        return .events(epoch, events[...])
    }

    private mutating func event(_ shard: Int) -> ShardEvent {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0, 1: return .joined(join(shard))
        case 2:
            guard let key = live[shard].randomElement(using: &generator) else { return .left(MinerLeft(key: 0)) }
            live[shard].removeAll { $0 == key }
            return .left(MinerLeft(key: key))
        case 3: return .poolError(PoolError(time: now.time, text: "error \(generator.next() % 30)"))
        case 4:
            var checkpoint = Checkpoint()
            checkpoint.time = now.time
            checkpoint.counters = counters[shard]
            checkpoint.connections = UInt32(joined)
            checkpoint.upstreams.active = UInt32(live[shard].count)
            return .checkpoint(checkpoint)
        default:
            let share = share(UInt64.random(in: 0...joined, using: &generator))
            counters[shard].count(share)
            return .share(share)
        }
    }

    private mutating func share(_ miner: MinerKey) -> ShareSettled {
        ShareSettled(
            miner: miner, time: now.time - min(now.time, UInt64.random(in: 0...90_000, using: &generator)),
            outcome: ShareOutcome.allCases.randomElement(using: &generator) ?? .accepted,
            reason: RefusalReason.allCases.randomElement(using: &generator) ?? .none,
            isExpired: generator.chance(10), difficulty: 100, creditedDifficulty: 70,
            actualDifficulty: generator.next() % 100_000, latencyMicroseconds: UInt32(generator.next() % 900_000))
    }
}
