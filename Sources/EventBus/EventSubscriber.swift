public import Telemetry

/// The receiving end of a hop: every event of one source, once and in order.
///
/// It connects by itself, again and again, and goes on when the shard is another process. Read it whenever one of
/// `descriptors` is readable and once a second besides.
public final class EventSubscriber {
    private let events: BusSocket
    private let replay: BusSocket
    private var gate: SequenceGate

    /// Frames that wait for us, while we are busy or stopped; what is dropped beyond is replayed.
    static let queuedFramesMax: Int32 = 1_000
    static let queuedRequestsMax: Int32 = 256

    /// Messages that could not be read: a shard of another version, or a stranger at its address.
    public private(set) var unreadableCount: UInt64 = 0

    public convenience init(_ context: BusContext, runDirectory: String, source: EventSource) throws(BusFailure) {
        try self.init(
            context, runDirectory: runDirectory, source: source, gate: SequenceGate(shard: source.number))
    }

    /// - Parameter gate: `SequenceGate(shard:resuming:next:)` goes on where an earlier process stopped.
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
    /// Where the stream goes on: what may be stored as done, once the news before it is.
    public var position: (epoch: Epoch, next: UInt64)? { gate.position }
    public var isBehind: Bool { gate.isBehind }
    /// Events that were missed at first and had by asking for them, since this process began.
    public var replayedCount: UInt64 { gate.replayedCount }

    /// To be watched for readability, both.
    public var descriptors: [Int32] { [events.descriptor, replay.descriptor] }

    /// Takes in what has arrived, and asks for what is missing.
    /// - Parameters:
    ///   - now: monotonic milliseconds.
    ///   - messagesMax: after so many messages it is the others' turn.
    ///   - gauges: gets what the present process says of now; what others say is left out.
    ///   - handle: gets the news in order; an empty list is a sign of life.
    /// - Returns: true when more may wait: call again in the next turn, the descriptors need not say so.
    @discardableResult
    public func receive(
        at now: UInt64, messagesMax: Int = 256, gauges: (ShardGauges) -> Void = { _ in },
        handle: ([SequenceGate.Delivery]) -> Void
    ) -> Bool {
        var count = 0
        var isDrained = false
        // An edge may be eaten while we send, or look at the other socket: look until both are empty. The live frames first:
        // what a process has said until its end is then read before the answer of its successor.
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

    /// - Returns: true when a request has left.
    private func ask(at now: UInt64) -> Bool {
        guard let request = gate.requestDue(at: now) else { return false }
        if replay.send(BusMessage.replay(request).encoded()) { return true }
        gate.requestFailed()
        return false
    }

    /// Tells the shard that everything before `position` is durable, so that it need not keep it. Call `receive` after
    /// it: sending may eat an edge.
    public func acknowledge(_ position: (epoch: Epoch, next: UInt64)) {
        let message = Acknowledgement(shard: shard, epoch: position.epoch, before: position.next)
        replay.send(BusMessage.acknowledge(message).encoded())
    }

    public func close() {
        events.close()
        replay.close()
    }
}
