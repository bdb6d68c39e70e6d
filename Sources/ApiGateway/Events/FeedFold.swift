internal import ApiDocuments
internal import Telemetry

/// Turns the collector's stream into what the gateway shows: the table of miners, and the ring of events with their
/// ids.
struct FeedFold {
    /// The progress in one epoch of the collector's stream.
    private struct Progress {
        var epoch: Epoch
        var next: UInt64
    }

    /// Epochs whose late events still get ids: as many as `SequenceGate` distinguishes.
    private static let epochsMax = 5

    let ring: EventRing
    private(set) var miners = MinerTable()
    private var texts = MinerTexts.Pool()
    private var epochs: [Progress] = []

    init(ring: EventRing) { self.ring = ring }

    /// Applies what `SequenceGate` delivers.
    /// - Parameter position: the position in the stream after these deliveries.
    mutating func apply(_ deliveries: [SequenceGate.Delivery], position: (epoch: Epoch, next: UInt64)?) {
        for (index, delivery) in deliveries.enumerated() {
            switch delivery {
            case .epochBegan(let epoch): begin(epoch)
            case .events(let epoch, let events): append(events, of: epoch)
            case .lost(let epoch, let count):
                advance(epoch, by: count)
                // 0: the collector was killed, and the number of lost events is unknown; the next one may send them
                // again.
                ring.append([.gap(missed: count == 0 ? nil : count)], id: nil)
            case .liveMiners(let epoch, let live):
                // Their position is not given; the deliveries that follow end at `position`.
                if let position, position.epoch == epoch {
                    let following = deliveries[(index + 1)...].reduce(0) { $0 + FeedFold.eventCount($1, of: epoch) }
                    advance(epoch, to: position.next - min(position.next, following))
                }
                miners.replace(with: live, &texts)
            }
        }
    }

    /// Updates the numbers of miners.
    mutating func update(_ gauges: [MinerGauge]) { miners.update(gauges) }
    /// The rows of all miners, for publishing.
    mutating func currentRows() -> [MinerRow] { miners.currentRows() }

    private mutating func begin(_ epoch: Epoch) {
        epochs.append(Progress(epoch: epoch, next: 0))
        if epochs.count > FeedFold.epochsMax { epochs.removeFirst() }
        // Keys of another epoch name other miners. The collector sends the connected ones again.
        miners.replace(with: [], &texts)
    }

    private mutating func append(_ events: ArraySlice<ShardEvent>, of epoch: Epoch) {
        let first = advance(epoch, by: UInt64(events.count))
        // In late events of an earlier epoch the keys name other miners.
        let isCurrent = epochs.last?.epoch == epoch
        var appended: [FeedEvent] = []
        appended.reserveCapacity(events.count)
        for event in events {
            switch event {
            case .share(let share): appended.append(.share(share, isCurrent ? miners[share.miner] : nil))
            case .joined(let joined):
                let miner = KnownMiner(joined, &texts)
                if isCurrent { miners.joined(miner) }
                appended.append(.joined(miner))
            case .left(let left): appended.append(.left(left.key, isCurrent ? miners.left(left.key) : nil))
            case .poolError(let error): appended.append(.poolError(error))
            case .checkpoint: appended.append(.silent)
            }
        }
        ring.append(appended, id: EventID(epoch: epoch, sequence: first))
    }

    /// Returns the sequence number before.
    @discardableResult
    private mutating func advance(_ epoch: Epoch, by count: UInt64) -> UInt64 {
        guard let index = epochs.firstIndex(where: { $0.epoch == epoch }) else { return 0 }
        defer { epochs[index].next += count }
        return epochs[index].next
    }

    private mutating func advance(_ epoch: Epoch, to next: UInt64) {
        guard let index = epochs.firstIndex(where: { $0.epoch == epoch }) else { return }
        epochs[index].next = next
    }

    private static func eventCount(_ delivery: SequenceGate.Delivery, of epoch: Epoch) -> UInt64 {
        switch delivery {
        case .events(epoch, let events): UInt64(events.count)
        case .lost(epoch, let count): count
        case .events, .lost, .epochBegan, .liveMiners: 0
        }
    }
}
