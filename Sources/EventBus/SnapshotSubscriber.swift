internal import CZeroMQ
internal import Glibc
internal import Linux
public import Telemetry

/// The gateway's end of the second hop: receives the newest snapshot of the current collector process.
///
/// It reconnects by itself and can be created before the collector runs. Not thread safe: only one thread may wait.
public final class SnapshotSubscriber {
    private let socket: BusSocket
    private var lastSeen: (sequence: UInt64, time: UInt64)?

    /// Connects to `ipc://<runDirectory>/snapshots`.
    public init(_ context: BusContext, runDirectory: String) throws(BusFailure) {
        socket = try BusSocket(context, .subscribeNewest, queuedMessagesMax: 1)
        try socket.connect(.snapshots(runDirectory: runDirectory))
    }

    /// The result of a wait.
    public enum Arrival: Sendable {
        /// A snapshot that was not delivered before.
        case snapshot(Snapshot)
        /// A message that could not be decoded, most likely from a collector of another version.
        case unreadable(DecodingFailure)
        /// The other descriptor is readable or was closed by its peer.
        case descriptorReadable
        case timedOut
    }

    /// Waits for the next snapshot, for `descriptor` (the lifeline; -1 = none) to become readable, or for the timeout.
    /// If both are available the descriptor wins, so that a stream of snapshots cannot hide it.
    public func wait(orDescriptor descriptor: Int32, timeoutMilliseconds: Int) -> Arrival {
        let deadline = MonotonicClock.milliseconds + Int64(timeoutMilliseconds)
        while true {
            let left = Int(max(0, deadline - MonotonicClock.milliseconds))
            var items = [
                zmq_pollitem_t(socket: socket.raw, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
                zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0),
            ]
            let count = zmq_poll(&items, descriptor >= 0 ? 2 : 1, left)
            if count > 0, items[1].revents != 0 { return .descriptorReadable }
            if count > 0, let arrival = take() { return arrival }
            if left == 0 { return .timedOut }
        }
    }

    private func take() -> Arrival? {
        guard let message = socket.receive() else { return nil }
        do throws(DecodingFailure) {
            let snapshot = try Snapshot(decoding: message.bytes)
            if let lastSeen, lastSeen == (snapshot.sequence, snapshot.time) { return nil }
            lastSeen = (snapshot.sequence, snapshot.time)
            return .snapshot(snapshot)
        } catch {
            return .unreadable(error)
        }
    }
}
