internal import Control
internal import Dispatch
internal import Synchronization

/// Asks the supervisor about once a second how its processes are, and hangs the answer out for the pages.
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

    /// Call about once a second; never waits. A word that is too old is taken down.
    func ask(at now: Int64, for pages: DocumentCache) {
        let (isAsking, isStale) = state.withLock {
            let before = $0.isAsking
            $0.isAsking = true
            return (before, $0.heardAt.map { now - $0 >= limits.statusAgeMillis } ?? true)
        }
        if isStale { pages.publish(status: nil) }
        // One question at a time: a supervisor that is slow is not asked more often for it.
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
