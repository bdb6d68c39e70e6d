internal import EventBus
internal import EventLoop
internal import Telemetry

/// The second hop of events: the events of all shards as one stream for gateways.
///
/// This stream has no acknowledgements. The log drops its oldest events, and a gateway that missed them starts with the
/// live miners.
final class GatewayFeed {
    /// Not noticeable to people, and long enough for a busy service to fill a message.
    static let flushMilliseconds: UInt64 = 100
    /// A minute at a thousand shares a second, for a gateway that restarts or is stopped.
    static let logBytesMax = 4 * 1024 * 1024

    private let publisher: EventPublisher

    init(_ bus: BusContext, runDirectory: String) throws(BusFailure) {
        publisher = try EventPublisher(
            bus, runDirectory: runDirectory, source: .collector, epoch: .random(), logBytesMax: Self.logBytesMax)
    }

    /// Watch it for readability, then call `answer`.
    var requestDescriptor: Int32 { publisher.requestDescriptor }

    /// Records the events that the fold has passed since the last call.
    func pass(_ events: [ShardEvent]) {
        for event in events {
            switch event {
            case .joined(let joined): publisher.record(joined)
            case .left(let left): publisher.record(left)
            case .share(let share): publisher.record(share)
            case .poolError(let error): publisher.record(error)
            case .checkpoint: break  // each snapshot is a checkpoint
            }
        }
    }

    func flush() {
        publisher.flush()
    }

    /// Binds its paths again if they were removed.
    func mend() throws(BusFailure) { try publisher.mend() }

    /// - Parameter time: milliseconds since 1970.
    func publish(_ gauges: [MinerGauge], at time: UInt64) {
        guard !gauges.isEmpty else { return }
        publisher.publish(
            ShardGauges(shard: EventSource.collector.number, epoch: publisher.epoch, time: time, miners: gauges))
    }

    /// Answers replay requests of gateways.
    /// - Returns: true when more requests can be waiting.
    func answer(liveMiners: () -> [MinerJoined]) -> Bool {
        publisher.serveRequests(liveMiners: liveMiners)
    }

    func close() {
        publisher.close()
    }
}
