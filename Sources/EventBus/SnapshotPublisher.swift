public import Telemetry

/// The collector's end of the second hop: everybody who subscribes gets the last snapshot at once, then each new one.
public final class SnapshotPublisher {
    private let socket: BusSocket
    private var last: [UInt8] = []

    /// A snapshot is worth less than the next one: a subscriber that is more than a few behind skips.
    static let queuedMessagesMax: Int32 = 4

    /// Binds `ipc://<runDirectory>/snapshots`.
    public init(_ context: BusContext, runDirectory: String) throws(BusFailure) {
        socket = try BusSocket(context, .publishWithSubscriptions, queuedMessagesMax: Self.queuedMessagesMax)
        try socket.bind(.snapshots(runDirectory: runDirectory))
    }

    /// Binds the path again if it has been removed; to be called now and then.
    @discardableResult
    public func mend() throws(BusFailure) -> Bool { try socket.mend() }

    public func publish(_ snapshot: Snapshot) {
        snapshot.encode(into: &last)
        socket.send(last)
        greetSubscribers()
    }

    /// Watch it for readability and call `greetSubscribers` then.
    public var subscriptionDescriptor: Int32 { socket.descriptor }

    /// Sends the last snapshot again if somebody has subscribed since; the others know it by its number.
    public func greetSubscribers() {
        // Sending may eat the edge of yet another subscription, so look again after each send, but not for ever.
        for _ in 0..<Self.greetingsMax where hasNewSubscriber() && !last.isEmpty { socket.send(last) }
    }

    /// Rounds of greeting in one go. Whoever subscribes in a later one waits for the next snapshot.
    private static let greetingsMax = 8

    private func hasNewSubscriber() -> Bool {
        var isNew = false
        while let message = socket.receive() {
            // "1…" subscribes, "0…" leaves.
            if message.bytes.first == 1 { isNew = true }
        }
        return isNew
    }

    /// Then `BusContext.finish` gives the last snapshot time to leave.
    public func close() {
        socket.close()
    }
}
