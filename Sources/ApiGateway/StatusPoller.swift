internal import Control
internal import Dispatch
internal import Synchronization

/// Requests the status of the processes from the supervisor about once a second, and publishes it for the pages.
final class StatusPoller: Sendable {
    private struct State {
        var isAsking = false
        var heardAt: Int64?
    }

    private let channel: any ControlChannel
    private let limits: GatewayLimits
    private let queue = DispatchQueue(label: "status")
    private let state = Mutex(State())

    init(of channel: any ControlChannel, limits: GatewayLimits) {
        self.channel = channel
        self.limits = limits
    }

    /// Starts a request and returns at once. A status that is too old is removed. Call about once a second.
    /// - Parameter now: monotonic milliseconds.
    func ask(at now: Int64, for pages: DocumentCache) {
        let (isAsking, isStale) = state.withLock {
            let before = $0.isAsking
            $0.isAsking = true
            return (before, $0.heardAt.map { now - $0 >= limits.statusAgeMillis } ?? true)
        }
        if isStale { pages.publish(status: nil) }
        // One request at a time: a slow supervisor gets no more of them.
        if isAsking { return }
        queue.async { [self] in
            let reply = try? channel.ask(.status, timeoutMilliseconds: limits.statusMillis)
            if case .status(let status) = reply {
                pages.publish(status: status)
                state.withLock { $0 = State(isAsking: false, heardAt: now) }
            } else {
                state.withLock { $0.isAsking = false }
            }
        }
    }
}
