internal import EventBus
internal import EventLoop
internal import Telemetry

/// The second hop of the events: what all shards told, as one stream for gateways.
///
/// Nobody acknowledges anything here: the log forgets the oldest, and a gateway that was away for longer begins anew with
/// the live miners.
final class GatewayFeed {
    /// A pause in which nobody sees a difference, and in which a busy service fills a message.
    static let flushMilliseconds: UInt64 = 100
    /// A minute of a thousand shares a second, for a gateway that is restarted or stopped.
    static let logBytesMax = 4 * 1024 * 1024

    private let publisher: EventPublisher

    init(_ bus: BusContext, runDirectory: String) throws(BusFailure) {
        publisher = try EventPublisher(
            bus, runDirectory: runDirectory, source: .collector, epoch: .random(), logBytesMax: Self.logBytesMax)
    }

    /// Watch it for readability and call `answer` then.
    var requestDescriptor: Int32 { publisher.requestDescriptor }

    /// Passes on what the fold has let through since the last time.
    func pass(_ events: [ShardEvent]) {
        for event in events {
            switch event {
            case .joined(let joined): publisher.record(joined)
            case .left(let left): publisher.record(left)
            case .share(let share): publisher.record(share)
            case .poolError(let error): publisher.record(error)
            case .checkpoint: break  // each snapshot is one
            }
        }
    }

    func flush() {
        publisher.flush()
    }

    /// Binds its paths again if they have been removed.
    func mend() throws(BusFailure) { try publisher.mend() }

    /// - Parameter time: milliseconds since 1970.
    func publish(_ gauges: [MinerGauge], at time: UInt64) {
        guard !gauges.isEmpty else { return }
        publisher.publish(
            ShardGauges(shard: EventSource.collector.number, epoch: publisher.epoch, time: time, miners: gauges))
    }

    /// Answers gateways that have missed something.
    /// - Returns: true when more may wait.
    func answer(liveMiners: () -> [MinerJoined]) -> Bool {
        publisher.serveRequests(liveMiners: liveMiners)
    }

    func close() {
        publisher.close()
    }
}
