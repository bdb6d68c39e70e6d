public import Telemetry

/// The sending end of a hop (shard to collector, collector to gateway): records what happens, publishes it in batches, and answers for what was missed.
///
/// It never blocks and never fails once it stands: what the network does not take is kept in the log for replay. Use:
/// `record` as things happen, `flush` a moment later, `serveRequests` whenever `requestDescriptor` is
/// readable and once a second besides.
public final class EventPublisher {
    private let events: BusSocket
    private let replay: BusSocket
    private var log: EventLog
    /// One frame at a time, its memory used again and again.
    private var frame: [UInt8] = []

    /// Frames (batches) that wait for one slow subscriber: some seconds of a busy shard. The log has them anyway.
    static let queuedFramesMax: Int32 = 1_000
    /// Messages of answers that wait for one collector: several whole answers.
    static let queuedAnswersMax: Int32 = 256
    /// Requests taken in one turn of the loop, so that a flood of them cannot hold up the miners.
    static let requestsPerTurnMax = 8

    /// Binds the two sockets of `source` in `runDirectory`.
    /// - Parameters:
    ///   - epoch: `Epoch.random()`, one for each process.
    ///   - logBytesMax: how much is kept for replay.
    public convenience init(
        _ context: BusContext, runDirectory: String, source: EventSource, epoch: Epoch,
        logBytesMax: Int = EventLog.bytesMaxDefault
    ) throws(BusFailure) {
        let log = EventLog(shard: source.number, epoch: epoch, bytesMax: logBytesMax)
        try self.init(context, log: log)
        try bind(source, runDirectory: runDirectory)
    }

    /// Can record, and is heard by nobody until `bind`.
    /// - Parameter log: of a predecessor, perhaps: then the stream goes on as if nothing had happened.
    public init(_ context: BusContext, log: EventLog) throws(BusFailure) {
        self.log = log
        frame.reserveCapacity(EventLog.frameBytesMax)
        replay = try BusSocket(context, .router, queuedMessagesMax: Self.queuedAnswersMax)
        events = try BusSocket(context, .publish, queuedMessagesMax: Self.queuedFramesMax)
    }

    /// Takes the place of `source` on the bus, from whoever has it. When that fails `mend` can try again.
    public func bind(_ source: EventSource, runDirectory: String) throws(BusFailure) {
        // First where to ask, then what makes others ask.
        replay.address = .replay(source, runDirectory: runDirectory)
        events.address = .events(source, runDirectory: runDirectory)
        _ = try mend()
    }

    /// Takes the place again if its paths have been removed, or could not be made before; to be called now and then.
    /// - Returns: whether something was to be done.
    @discardableResult
    public func mend() throws(BusFailure) -> Bool {
        let hasMendedReplay = try replay.mend()
        return try events.mend() || hasMendedReplay
    }

    // MARK: - Recording: no system call, and for a share no allocation

    public func record(_ share: ShareSettled) { log.append(share) }
    /// Of a shard's own share: those that it refused are summed, and recorded with the next checkpoint (`EventLog.settle`).
    public func settle(_ share: ShareSettled) { log.settle(share) }
    public func record(_ joined: MinerJoined) { log.append(joined) }
    public func record(_ left: MinerLeft) { log.append(left) }
    public func record(_ error: PoolError) { log.append(error) }
    /// - Parameter checkpoint: time and gauges; its counters are filled in from what was recorded.
    public func record(_ checkpoint: Checkpoint) { log.append(checkpoint) }

    /// The log as a successor can go on with it.
    public func written() -> [UInt8] { log.written() }

    public var epoch: Epoch { log.epoch }
    /// Counts of everything recorded since the start.
    public var counters: ShareCounters { log.counters }
    /// The sequence number of the next event.
    public var nextSequence: UInt64 { log.next }
    /// The oldest event that can still be replayed.
    public var oldestSequence: UInt64 { log.oldest }
    /// Every event before this one is durable.
    public var acknowledgedSequence: UInt64 { log.acknowledged }
    /// Events that fell out of the log before they were acknowledged.
    public var droppedCount: UInt64 { log.droppedCount }

    // MARK: - Sending

    /// Publishes what is so now, beside the stream: not numbered, not kept, not sent again.
    /// - Parameter gauges: its shard and epoch are filled in.
    public func publish(_ gauges: ShardGauges) {
        var gauges = gauges
        gauges.shard = log.shard
        gauges.epoch = log.epoch
        events.send(BusMessage.gauges(gauges).encoded())
    }

    /// Publishes what was recorded since the last time, as one message unless it is very much.
    public func flush() {
        while log.takeUnsent(into: &frame) { events.send(frame) }
    }

    /// Watch it for readability (the loop's `DescriptorWatch`) and call `serveRequests` then.
    public var requestDescriptor: Int32 { replay.descriptor }

    /// Answers what collectors have asked.
    /// - Parameter liveMiners: asked only when events are gone that a collector needs: every miner recorded as joined and
    ///   not as left.
    /// - Returns: true when requests may still wait: call again in the next turn, the descriptor need not say so.
    @discardableResult
    public func serveRequests(liveMiners: () -> [MinerJoined]) -> Bool {
        for _ in 0..<Self.requestsPerTurnMax {
            guard let (sender, request) = nextRequest() else { return false }
            // Nobody but us would send anything else here: a request that cannot be read is not answered.
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
                continue  // go the other way
            }
        }
        return true
    }

    /// The sender's routing id and what it sent, always with all its parts taken.
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

    /// Says the last word, flushes and closes. Then `BusContext.finish` gives the last messages time to leave.
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
