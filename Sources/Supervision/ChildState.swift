/// The state of a child. Times are of the same clock as those of the events.
public enum ChildState: Equatable, Sendable, Codable {
    /// Not started yet.
    case idle
    /// Its process runs and has not reported ready.
    case starting(since: Int64, readyBy: Int64)
    /// It serves. `heartbeatBy` is nil until the first heartbeat: a process that never sends one is not checked for
    /// them.
    case ready(since: Int64, heartbeatBy: Int64?)
    /// Its process must exit before the next one starts. `killAt` is nil once SIGKILL has been sent.
    case terminating(killAt: Int64?)
    /// A planned restart: the successor starts as soon as the process has exited. `killAt` is nil once SIGKILL has been
    /// sent.
    case replacing(killAt: Int64?)
    /// It serves, or is frozen for a moment, while its successor waits.
    case handingOver(Handover)
    /// Another shard takes over its miners.
    case merging(Merge)
    /// Another shard takes over some of its miners.
    case splitting(Splitting)
    /// It disconnects its miners and exits. `killAt` is nil once SIGKILL has been sent.
    case draining(killAt: Int64?)
    /// Intentionally empty until a process is requested.
    case drained
    /// It crashed; the next process starts at `until`.
    case backoff(until: Int64)
    /// Told to exit; killed at `killAt`.
    case stopping(killAt: Int64)
    /// Sent SIGKILL; given up at `giveUpAt`.
    case killing(giveUpAt: Int64)
    /// No process; the next one starts at `Child.retriesAt`.
    case failed(Failure)
    case stopped

    /// The names in the state that a supervisor hands to its successor (`upgrade`).
    private enum CodingKeys: String, CodingKey {
        case idle, starting, ready, terminating, replacing, handingOver, splitting, draining, drained, backoff,
            stopping, killing, failed, stopped
        case merging = "moving"
    }
}
