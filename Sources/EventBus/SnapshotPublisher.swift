public import Telemetry

/// The collector's end of the second hop: a subscriber receives the last snapshot at once, then each new one.
public final class SnapshotPublisher {
    private let socket: BusSocket
    private var last: [UInt8] = []

    /// An old snapshot is of little use: for a subscriber that is more than this behind, snapshots are dropped.
    static let queuedMessagesMax: Int32 = 4

    /// Binds `ipc://<runDirectory>/snapshots`.
    public init(_ context: BusContext, runDirectory: String) throws(BusFailure) {
        socket = try BusSocket(context, .publishWithSubscriptions, queuedMessagesMax: Self.queuedMessagesMax)
        try socket.bind(.snapshots(runDirectory: runDirectory))
    }

    /// Binds again if the path was removed. Call it periodically.
    @discardableResult
    public func mend() throws(BusFailure) -> Bool { try socket.mend() }

    /// Sends a snapshot to all subscribers and keeps it for new ones.
    public func publish(_ snapshot: Snapshot) {
        snapshot.encode(into: &last)
        socket.send(last)
        greetSubscribers()
    }

    /// Watch it for readability, then call `greetSubscribers`.
    public var subscriptionDescriptor: Int32 { socket.descriptor }

    /// Sends the last snapshot again if there are new subscribers. Others recognise it by its sequence number.
    public func greetSubscribers() {
        // Sending can consume the edge of another subscription, so check again after each send, with a limit.
        for _ in 0..<Self.greetingsMax where hasNewSubscriber() && !last.isEmpty { socket.send(last) }
    }

    /// Rounds in one call. A client that subscribes later waits for the next snapshot.
    private static let greetingsMax = 8

    private func hasNewSubscriber() -> Bool {
        var isNew = false
        while let message = socket.receive() {
            // "1…" subscribes, "0…" unsubscribes.
            if message.bytes.first == 1 { isNew = true }
        }
        return isNew
    }

    /// Closes the socket. `BusContext.finish` then waits until the last snapshot is sent.
    public func close() {
        socket.close()
    }
}
