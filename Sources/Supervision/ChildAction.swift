/// What shall be done to a child. The performer carries them out in their order.
public enum ChildAction: Equatable, Sendable {
    /// Start its process, now; when that fails, say `.ended(.couldNotStart)`.
    case spawn
    case send(ChildSignal)
    /// Something shall be done to the process that is to take its place.
    case successor(SuccessorAction)
    /// Tell another shard to absorb what it has left, or the part that it gives, and say `.merged` or `.notMerged`.
    case requestMerge
    /// Tell it which part of it another shard has, so that it goes on without that.
    case release
    /// Tell the operator.
    case report(ChildReport)
}

public enum ChildSignal: Equatable, Sendable {
    /// SIGTERM: leave in good order.
    case terminate
    /// Leave in good order and let your successor go on: SIGUSR2 for a shard, whose connections outlive it, else SIGTERM.
    case yield
    /// Accept no new miners, disconnect the present ones within this time in milliseconds, and exit.
    case drain(withinMillis: Int64)
    /// SIGABRT: leave a trace of where you hang.
    case abort
    /// SIGKILL.
    case kill
    /// Stand still: a process that hands over, asked while its successor waits. Exactly one of `resume` and `leave` follows,
    /// whether it could or not.
    case freeze
    /// Go on as if nothing had been: the hand-over is called off.
    case resume
    /// Leave, your successor has everything.
    case leave
    /// Another shard has everything: hand over your events, then leave.
    case absorbed
    /// Take over: what you have adopted is yours. Who has not adopted yet does so first.
    case go
}
