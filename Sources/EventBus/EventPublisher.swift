public import Telemetry

/// The sending end of a hop (shard to collector, collector to gateway). It records events, publishes them in batches
/// and answers replay requests.
///
/// Once created, it never blocks and never fails: messages that cannot be sent stay in the log for replay. Call
/// `record` for each event, `flush` shortly after, and `serveRequests` when `requestDescriptor` is readable and once a
/// second.
public final class EventPublisher {
    private let events: BusSocket
    private let replay: BusSocket
    private var log: EventLog
    /// The current frame. Its memory is reused.
    private var frame: [UInt8] = []

    /// Frames (batches) queued for a slow subscriber: some seconds of a busy shard. The log has them too.
    static let queuedFramesMax: Int32 = 1_000
    /// Messages queued for one collector: several complete answers.
    static let queuedAnswersMax: Int32 = 256
    /// Requests processed in one loop turn, so that many of them do not delay the miners.
    static let requestsPerTurnMax = 8

    /// Binds the two sockets of `source` in `runDirectory`.
    /// - Parameters:
    ///   - epoch: `Epoch.random()`, one per process.
    ///   - logBytesMax: the size of the log for replay.
    public convenience init(
        _ context: BusContext, runDirectory: String, source: EventSource, epoch: Epoch,
        logBytesMax: Int = EventLog.bytesMaxDefault
    ) throws(BusFailure) {
        let log = EventLog(shard: source.number, epoch: epoch, bytesMax: logBytesMax)
        try self.init(context, log: log)
        try bind(source, runDirectory: runDirectory)
    }

    /// Can record events, but is not connected until `bind`.
    /// - Parameter log: a new log, or a restored one, which continues its stream without a gap.
    public init(_ context: BusContext, log: EventLog) throws(BusFailure) {
        self.log = log
        frame.reserveCapacity(EventLog.frameBytesMax)
        replay = try BusSocket(context, .router, queuedMessagesMax: Self.queuedAnswersMax)
        events = try BusSocket(context, .publish, queuedMessagesMax: Self.queuedFramesMax)
    }

    /// Binds the sockets of `source`, taking the paths over from another process. After a failure, `mend` tries again.
    public func bind(_ source: EventSource, runDirectory: String) throws(BusFailure) {
        // The replay socket first: events make subscribers send requests.
        replay.address = .replay(source, runDirectory: runDirectory)
        events.address = .events(source, runDirectory: runDirectory)
        _ = try mend()
    }

    /// Binds again if the paths were removed or `bind` has failed. Call it periodically.
    /// - Returns: true when it had to bind.
    @discardableResult
    public func mend() throws(BusFailure) -> Bool {
        let hasMendedReplay = try replay.mend()
        return try events.mend() || hasMendedReplay
    }

    // MARK: - Recording: no system calls, and no allocation per share

    public func record(_ share: ShareSettled) { log.append(share) }
    /// Records a share of a shard's own miner. Refused shares are summed and recorded with the next checkpoint
    /// (`EventLog.settle`).
    public func settle(_ share: ShareSettled) { log.settle(share) }
    public func record(_ joined: MinerJoined) { log.append(joined) }
    public func record(_ left: MinerLeft) { log.append(left) }
    public func record(_ error: PoolError) { log.append(error) }
    /// - Parameter checkpoint: time and gauges. Its counters are set to those of the recorded events.
    public func record(_ checkpoint: Checkpoint) { log.append(checkpoint) }

    /// The encoded log, for a successor to continue.
    public func written() -> [UInt8] { log.written() }

    public var epoch: Epoch { log.epoch }
    /// Counters of all recorded events of the epoch.
    public var counters: ShareCounters { log.counters }
    /// The sequence number of the next event.
    public var nextSequence: UInt64 { log.next }
    /// The oldest event that can still be replayed.
    public var oldestSequence: UInt64 { log.oldest }
    /// All events before this one are durable.
    public var acknowledgedSequence: UInt64 { log.acknowledged }
    /// Events that the log dropped before they were acknowledged.
    public var droppedCount: UInt64 { log.droppedCount }

    // MARK: - Sending

    /// Publishes current values outside the stream: without sequence number and without replay.
    /// - Parameter gauges: its shard and epoch are set here.
    public func publish(_ gauges: ShardGauges) {
        var gauges = gauges
        gauges.shard = log.shard
        gauges.epoch = log.epoch
        events.send(BusMessage.gauges(gauges).encoded())
    }

    /// Publishes the events recorded since the last call, usually as one message.
    public func flush() {
        while log.takeUnsent(into: &frame) { events.send(frame) }
    }

    /// Watch it for readability (`DescriptorWatch`), then call `serveRequests`.
    public var requestDescriptor: Int32 { replay.descriptor }

    /// Answers replay requests and processes acknowledgements.
    /// - Parameter liveMiners: all miners recorded as joined and not as left. Called only when a collector needs events
    ///   that are no longer in the log.
    /// - Returns: true when more requests can be waiting: call again in the next loop turn; the descriptor may not
    ///   become readable for them.
    @discardableResult
    public func serveRequests(liveMiners: () -> [MinerJoined]) -> Bool {
        for _ in 0..<Self.requestsPerTurnMax {
            guard let (sender, request) = nextRequest() else { return false }
            // Only processes of the service send here: a request that cannot be decoded is not answered.
            guard let request, let message = try? BusMessage(decoding: request) else { continue }
            switch message {
            case .replay(let request):
                log.answer(
                    request, liveMiners: liveMiners,
                    send: { bytes in
                        replay.send(sender, more: true)
                        replay.send(bytes)
                    })
            case .acknowledge(let acknowledgement):
                log.acknowledge(acknowledgement)
            case .events, .liveMiners, .replayEnd, .gauges:
                continue  // sent in the other direction
            }
        }
        return true
    }

    /// The sender's routing id and the first part of its message. All parts are received.
    private func nextRequest() -> (sender: [UInt8], request: [UInt8]?)? {
        guard let sender = replay.receive() else { return nil }
        var hasMore = sender.hasMore
        var request: [UInt8]?
        while hasMore, let part = replay.receive() {
            if request == nil { request = part.bytes }
            hasMore = part.hasMore
        }
        return (sender.bytes, request)
    }

    /// Records a last checkpoint, flushes and closes. `BusContext.finish` then waits for the last messages to be sent.
    /// - Parameter last: time and gauges of the last checkpoint.
    public func close(_ last: Checkpoint = Checkpoint()) {
        var last = last
        last.isLast = true
        record(last)
        flush()
        events.close()
        replay.close()
    }
}
