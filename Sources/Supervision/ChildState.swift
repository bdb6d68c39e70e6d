/// Where a child is in its life. Times are those of the events' clock.
public enum ChildState: Equatable, Sendable, Codable {
    /// Not wanted yet.
    case idle
    /// Its process runs and has not said ready.
    case starting(since: Int64, readyBy: Int64)
    /// It serves. `heartbeatBy` is nil until its first heartbeat: a process that never sends one is not watched by it.
    case ready(since: Int64, heartbeatBy: Int64?)
    /// Its process must go and another come. `killAt` is nil once SIGKILL has been sent.
    case terminating(killAt: Int64?)
    /// Asked to make room for a successor, which comes as soon as it is gone. `killAt` is nil once SIGKILL has been sent.
    case replacing(killAt: Int64?)
    /// It serves, or is frozen for a moment, while its successor waits.
    case handingOver(Handover)
    /// Another shard takes over its miners.
    case merging(Merge)
    /// It gives some of its miners to another shard.
    case splitting(Splitting)
    /// It sends its miners away and leaves. `killAt` is nil once SIGKILL has been sent.
    case draining(killAt: Int64?)
    /// Empty by will, until a process is asked for.
    case drained
    /// It died; the next process comes at `until`.
    case backoff(until: Int64)
    /// Asked to leave; killed at `killAt`.
    case stopping(killAt: Int64)
    /// Sent SIGKILL; no longer waited for at `giveUpAt`.
    case killing(giveUpAt: Int64)
    /// No process; the next one comes at `Child.retriesAt`.
    case failed(Failure)
    case stopped
}
