/// A report about a child for the operator.
public enum ChildReport: Equatable, Sendable {
    /// It serves; milliseconds since its start.
    case ready(afterMillis: Int64)
    /// It did not say ready in time and is being replaced.
    case neverReady
    /// Its main loop has stalled; it is being replaced.
    case stalled
    /// It did not leave in time and was sent SIGKILL.
    case killed
    /// It died and will be started again.
    case died(ExitReason, restartInMillis: Int64)
    /// It is tried again only every `RestartPolicy.failedPauseMillis` from now on.
    case failed(Failure)
    /// It is being replaced, as asked.
    case replacing
    /// It is being replaced, as asked; its successor is started beside it.
    case handingOver
    /// Its successor has failed before it had taken over; the process goes on as before.
    case handoverFailed(HandoverFault)
    /// It ended, as asked, and its successor is started.
    case replaced(ExitReason)
    /// It takes no new miners, and those that it has are sent away.
    case draining(withinMillis: Int64)
    /// It is empty, and stays so; nil when there was no process.
    case drained(ExitReason?)
    /// Its miners and pools are going to move to another shard.
    case merging
    /// They cannot.
    case moveFailed(MoveFault)
    /// They have, and it has ended.
    case moved
    /// It is frozen while another shard takes some of its miners.
    case splitting
    /// The other shard has them.
    case split
    /// It has not.
    case splitFailed(MoveFault)
    /// It ended, as asked.
    case stopped(ExitReason)
    /// Even SIGKILL did not end it; the stop goes on without it.
    case abandoned
}

/// Why the miners of a shard could not move to another one.
public enum MoveFault: Equatable, Sendable {
    /// The process has no place to write its state to.
    case cannotFreeze
    /// It did not stand still in time.
    case hasStalled
    /// No other shard would, or could.
    case nobodyTookIt
    /// The one that was asked did not say in time whether it has.
    case nobodyAnswered
}
