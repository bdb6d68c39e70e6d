/// A report about a child for the operator.
public enum ChildReport: Equatable, Sendable {
    /// It serves; milliseconds since its start.
    case ready(afterMillis: Int64)
    /// It did not report ready in time and is being replaced.
    case neverReady
    /// Its main loop has stalled; it is being replaced.
    case stalled
    /// It did not exit in time and was sent SIGKILL.
    case killed
    /// It crashed and will be restarted.
    case crashed(ExitReason, restartInMillis: Int64)
    /// It failed; from now on it is retried every `RestartPolicy.failedPauseMillis`.
    case failed(Failure)
    /// It is being replaced, as requested.
    case replacing
    /// It is being replaced, as requested; its successor is started beside it.
    case handingOver
    /// Its successor failed before it took over; the process continues as before.
    case handoverFailed(HandoverFault)
    /// It exited, as requested, and its successor is started.
    case replaced(ExitReason)
    /// It accepts no new miners, and the present ones are being disconnected.
    case draining(withinMillis: Int64)
    /// It is empty and stays so; nil when there was no process.
    case drained(ExitReason?)
    /// Its miners and pool connections are about to move to another shard.
    case merging
    /// They could not be moved.
    case moveFailed(MoveFault)
    /// They have moved, and the process has exited.
    case moved
    /// It is frozen while another shard absorbs some of its miners.
    case splitting
    /// The other shard has absorbed them.
    case split
    /// The other shard has not absorbed them.
    case splitFailed(MoveFault)
    /// It exited, as requested.
    case stopped(ExitReason)
    /// Even SIGKILL did not end it; the stop continues without it.
    case abandoned
}

/// Why the miners of a shard could not move to another one.
public enum MoveFault: Equatable, Sendable {
    /// The process has no memory to write its state to.
    case cannotFreeze
    /// It did not freeze in time.
    case hasStalled
    /// No other shard absorbed them.
    case nobodyTookIt
    /// The other shard did not report in time whether it has absorbed them.
    case nobodyAnswered
}
