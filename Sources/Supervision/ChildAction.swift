/// An action on a child. The performer carries out actions in order.
public enum ChildAction: Equatable, Sendable {
    /// Start its process now. If that fails, report `.ended(.couldNotStart)`.
    case spawn
    case send(ChildSignal)
    /// An action on the process that is to take over the place.
    case successor(SuccessorAction)
    /// Ask another shard to absorb its saved state, or the part it offers, and report `.merged` or `.notMerged`.
    case requestMerge
    /// Tell the process which part of it another shard has absorbed, so that it continues without that part.
    case release
    /// Report to the operator.
    case report(ChildReport)
}

/// An order to the process of a child.
public enum ChildSignal: Equatable, Sendable {
    /// SIGTERM: exit cleanly.
    case terminate
    /// Exit cleanly so that a successor can continue: SIGUSR2 for a shard, whose connections outlive it, else SIGTERM.
    case yield
    /// Accept no new miners, disconnect the present ones within this time in milliseconds, and exit.
    case drain(withinMillis: Int64)
    /// SIGABRT: exit and leave a trace of where the process hangs.
    case abort
    /// SIGKILL.
    case kill
    /// Freeze: write the state, then touch nothing until `resume`, `leave`, `absorbed` or `ChildAction.release`
    /// follows. `resume` is also sent to a process that could not freeze.
    case freeze
    /// Continue as before: the handover, merge or split was cancelled.
    case resume
    /// Exit: the successor has everything.
    case leave
    /// Another shard has absorbed everything: hand over the remaining events, then exit.
    case absorbed
    /// Take over. A process that has not adopted the saved state yet does so first.
    case go
}
