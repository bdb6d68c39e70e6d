/// How a process ended.
public enum ExitReason: Equatable, Sendable, Codable {
    case exit(Int32)
    case signal(Int32)
    /// It never ran: the program is missing, or the system has no room. Holds a negative errno.
    case couldNotStart(Int32)
}

/// Something that happened to a child, or that is wanted of it.
public enum ChildEvent: Equatable, Sendable {
    /// It shall run (also: try one that has failed again at once).
    case start
    /// Its process shall be replaced in good order: planned, so no death. The successor comes when it has left.
    case restart
    /// The same for a process that serves and can take everything back: its successor is started first (`Handover`).
    case handOver
    /// A shard shall send its miners away within so many milliseconds and end, and the place stay empty.
    case drain(withinMillis: Int64)
    /// The same, but its miners move to another shard (`Merge`); if they cannot, they have so many milliseconds.
    case move(drainWithinMillis: Int64)
    /// A shard shall give at most that many of its miners to another one (`Splitting`).
    case split(miners: Int)
    /// Another shard has absorbed it, or the part that it gives.
    case merged
    /// None has, and none will: nothing of it was touched.
    case notMerged
    /// It shall end in good order.
    case stop
    /// It shall end now, whatever it is doing.
    case stopAtOnce
    /// It serves.
    case saidReady
    /// Its main loop turns.
    case heartbeat
    /// Its process is gone, or never came to be.
    case ended(ExitReason)
    /// Something that happened to its hand-over, or to the successor that waits beside it.
    case handover(HandoverEvent)
    /// `Child.deadline` has come.
    case deadline
}

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
    /// Take no new miners, send those that you have away within so many milliseconds, and leave.
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

/// News of a child that the operator should hear.
public enum ChildReport: Equatable, Sendable {
    /// It serves, so many milliseconds after its start.
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
    case moving
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

/// Why a child has failed.
public enum Failure: Equatable, Sendable, Codable {
    /// It died so many times in a row without a healthy time between.
    case keptDying(deaths: Int, last: ExitReason)
    /// It ended with an exit code that says that a restart does not help.
    case refused(exitCode: Int32)
}

/// Why a process was started in a place that had one before.
public enum RestartCause: Hashable, Sendable, Codable {
    case exit(Int32)
    case signal(Int32)
    /// The process before never came to be.
    case notStartable
    /// Its main loop had stalled.
    case stalled
    case neverReady
    /// Planned: by the operator, or to give it another configuration.
    case asked

    init(_ ending: ExitReason) {
        switch ending {
        case .exit(let code): self = .exit(code)
        case .signal(let number): self = .signal(number)
        case .couldNotStart: self = .notStartable
        }
    }
}

/// Where a child is in its life. Times are those of the events' clock.
public enum ChildState: Equatable, Sendable, Codable {
    /// Not wanted yet.
    case idle
    /// Its process runs and has not said ready.
    case starting(since: Int64, readyBy: Int64)
    /// It serves. `heartbeatBy` is nil until its first heartbeat: who never beats is not watched by it.
    case ready(since: Int64, heartbeatBy: Int64?)
    /// Its process must go and another come. `killAt` is nil once SIGKILL has been sent.
    case terminating(killAt: Int64?)
    /// Asked to make room for a successor, which comes as soon as it is gone. `killAt` is nil once SIGKILL has been sent.
    case replacing(killAt: Int64?)
    /// It serves, or stands still for a moment, while its successor stands beside it.
    case handingOver(Handover)
    /// Another shard takes over its miners.
    case moving(Merge)
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
