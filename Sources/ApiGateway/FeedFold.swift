internal import Telemetry

/// Makes of the collector's stream what the gateway shows of it: the table of miners, and the ring of events with their
/// numbers.
struct FeedFold {
    /// How far a life of the collector has been told.
    private struct Life {
        var epoch: Epoch
        var next: UInt64
    }

    /// Lives of which late events are still numbered: as many as the gate tells apart.
    private static let livesMax = 5

    let ring: EventRing
    private(set) var miners = MinerTable()
    private var texts = MinerTexts.Pool()
    private var lives: [Life] = []

    init(ring: EventRing) { self.ring = ring }

    /// - Parameter position: where the stream goes on after this news.
    mutating func take(_ news: [SequenceGate.Delivery], position: (epoch: Epoch, next: UInt64)?) {
        for (index, item) in news.enumerated() {
            switch item {
            case .epochBegan(let epoch): begin(epoch)
            case .events(let epoch, let events): take(events, of: epoch)
            case .lost(let epoch, let count):
                advance(epoch, by: count)
                // 0: the collector was killed, and what it took along nobody knows; or the next tells it once more.
                ring.append([.gap(missed: count == 0 ? nil : count)], id: nil)
            case .liveMiners(let epoch, let live):
                // Where they stand in the stream is not said; it is what follows that ends at the position.
                if let position, position.epoch == epoch {
                    let following = news[(index + 1)...].reduce(0) { $0 + FeedFold.eventCount($1, of: epoch) }
                    advance(epoch, to: position.next - min(position.next, following))
                }
                miners.replace(with: live, &texts)
            }
        }
    }

    mutating func take(_ gauges: [MinerGauge]) { miners.take(gauges) }
    mutating func takeRows() -> [MinerRow] { miners.takeRows() }

    private mutating func begin(_ epoch: Epoch) {
        lives.append(Life(epoch: epoch, next: 0))
        if lives.count > FeedFold.livesMax { lives.removeFirst() }
        // Its keys are others: whoever lives will be named again.
        miners.replace(with: [], &texts)
    }

    private mutating func take(_ events: ArraySlice<ShardEvent>, of epoch: Epoch) {
        let first = advance(epoch, by: UInt64(events.count))
        // Late news of a former life tell of miners by keys that mean others now.
        let isCurrent = lives.last?.epoch == epoch
        var told: [FeedEvent] = []
        told.reserveCapacity(events.count)
        for event in events {
            switch event {
            case .share(let share): told.append(.share(share, isCurrent ? miners[share.miner] : nil))
            case .joined(let joined):
                let miner = KnownMiner(joined, &texts)
                if isCurrent { miners.joined(miner) }
                told.append(.joined(miner))
            case .left(let left): told.append(.left(left.key, isCurrent ? miners.left(left.key) : nil))
            case .poolError(let error): told.append(.poolError(error))
            case .checkpoint: told.append(.silent)
            }
        }
        ring.append(told, id: EventID(epoch: epoch, sequence: first))
    }

    /// Returns where it was.
    @discardableResult
    private mutating func advance(_ epoch: Epoch, by count: UInt64) -> UInt64 {
        guard let index = lives.firstIndex(where: { $0.epoch == epoch }) else { return 0 }
        defer { lives[index].next += count }
        return lives[index].next
    }

    private mutating func advance(_ epoch: Epoch, to next: UInt64) {
        guard let index = lives.firstIndex(where: { $0.epoch == epoch }) else { return }
        lives[index].next = next
    }

    private static func eventCount(_ news: SequenceGate.Delivery, of epoch: Epoch) -> UInt64 {
        switch news {
        case .events(epoch, let events): UInt64(events.count)
        case .lost(epoch, let count): count
        case .events, .lost, .epochBegan, .liveMiners: 0
        }
    }
}
