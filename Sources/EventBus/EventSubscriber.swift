public import Telemetry

/// The receiving end of a hop: passes every event of a source once and in order.
///
/// It reconnects by itself and continues when the source is a new process. Call `receive` when one of `descriptors` is
/// readable and once a second.
public final class EventSubscriber {
    private let events: BusSocket
    private let replay: BusSocket
    private var gate: SequenceGate

    /// Frames queued while this process is busy or stopped; more are dropped and replayed.
    static let queuedFramesMax: Int32 = 1_000
    static let queuedRequestsMax: Int32 = 256

    /// Messages that could not be decoded: a source of another version, or a foreign process at its address.
    public private(set) var unreadableCount: UInt64 = 0

    public convenience init(_ context: BusContext, runDirectory: String, source: EventSource) throws(BusFailure) {
        try self.init(
            context, runDirectory: runDirectory, source: source, gate: SequenceGate(shard: source.number))
    }

    /// - Parameter gate: `SequenceGate(shard:resuming:next:)` continues where an earlier process stopped.
    public init(
        _ context: BusContext, runDirectory: String, source: EventSource, gate: SequenceGate
    ) throws(BusFailure) {
        self.gate = gate
        events = try BusSocket(context, .subscribe, queuedMessagesMax: Self.queuedFramesMax)
        replay = try BusSocket(context, .dealer, queuedMessagesMax: Self.queuedRequestsMax)
        try events.connect(.events(source, runDirectory: runDirectory))
        try replay.connect(.replay(source, runDirectory: runDirectory))
    }

    public var shard: UInt16 { gate.shard }
    /// The position from which the stream continues. It can be stored together with the events before it.
    public var position: (epoch: Epoch, next: UInt64)? { gate.position }
    public var isBehind: Bool { gate.isBehind }
    /// Events that were missed at first and then replayed, since this process started.
    public var replayedCount: UInt64 { gate.replayedCount }

    /// Watch both for readability.
    public var descriptors: [Int32] { [events.descriptor, replay.descriptor] }

    /// Receives waiting messages and requests missing events.
    /// - Parameters:
    ///   - now: monotonic milliseconds.
    ///   - messagesMax: the number of messages after which other work gets a turn.
    ///   - gauges: receives the gauges of the current process; those of others are dropped.
    ///   - handle: receives deliveries in order. An empty list shows that the source is running.
    /// - Returns: true when more messages can be waiting: call again in the next loop turn; the descriptors may not
    ///   become readable for them.
    @discardableResult
    public func receive(
        at now: UInt64, messagesMax: Int = 256, gauges: (ShardGauges) -> Void = { _ in },
        handle: ([SequenceGate.Delivery]) -> Void
    ) -> Bool {
        var count = 0
        var isDrained = false
        // Sending, or reading the other socket, can consume an edge: read until both are empty. Live frames first, so
        // that the last frames of a process are read before the answer of its successor.
        while count < messagesMax, !isDrained {
            isDrained = true
            for socket in [events, replay] {
                let pause = min(count + max(messagesMax / 2, 1), messagesMax)
                while count < pause, let message = socket.receive() {
                    count += 1
                    isDrained = false
                    take(message.bytes, gauges, handle)
                }
            }
            if ask(at: now) { isDrained = false }
        }
        return !isDrained
    }

    private func take(
        _ bytes: [UInt8], _ gauges: (ShardGauges) -> Void, _ handle: ([SequenceGate.Delivery]) -> Void
    ) {
        do throws(DecodingFailure) {
            let message = try BusMessage(decoding: bytes)
            if case .gauges(let current) = message {
                if gate.isCurrent(current.epoch), current.shard == shard { gauges(current) }
            } else {
                handle(gate.receive(message))
            }
        } catch {
            unreadableCount += 1
        }
    }

    /// - Returns: true when a request was sent.
    private func ask(at now: UInt64) -> Bool {
        guard let request = gate.requestDue(at: now) else { return false }
        if replay.send(BusMessage.replay(request).encoded()) { return true }
        gate.requestFailed()
        return false
    }

    /// Reports to the shard that everything before `position` is durable, so that it can free it. Call `receive`
    /// afterwards: sending can consume an edge.
    public func acknowledge(_ position: (epoch: Epoch, next: UInt64)) {
        let message = Acknowledgement(shard: shard, epoch: position.epoch, before: position.next)
        replay.send(BusMessage.acknowledge(message).encoded())
    }

    public func close() {
        events.close()
        replay.close()
    }
}
