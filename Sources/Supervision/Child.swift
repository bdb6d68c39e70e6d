/// The state machine of one child: a table of every state and every event, with the actions that each pair causes.
///
/// A child is a *place* (for example shard 3) that at most one process fills at a time. `spawn` is requested only in
/// states without a process. Only `.ended` leads from a state with a process to one without, except that a stop gives
/// up on a process that survives SIGKILL. So a place never has two processes, and every stop ends: each state on the
/// way has a deadline.
///
/// There are two kinds of planned restart. With `.restart` the process exits first, and then its successor is started
/// (state `replacing`). With `.handOver`, for a process that serves miners, the successor is started beside it, and
/// until the successor reports "adopted" everything can be cancelled (`Handover` has a table of its own). Only in
/// `handingOver` does a place have two processes, and at most one of them serves.
///
/// Time is an argument, in milliseconds of any monotonic clock; so is randomness (`jitter`). The owner calls
/// `handle(.deadline)` when `deadline` has passed; calling it too early is harmless.
public struct Child: Sendable, Codable, Equatable {
    public internal(set) var state = ChildState.idle
    /// The number of unplanned exits, and the last one.
    public internal(set) var deaths = 0
    public internal(set) var lastDeath: ExitReason?
    /// Processes started here.
    public private(set) var launches = 0
    /// Restarts by cause: every start but the first.
    public private(set) var restarts: [RestartCause: Int] = [:]
    /// Why the next process will be started; nil before the first.
    var cause: RestartCause?
    /// Crashes since the child was last ready for `RestartPolicy.healthyAfterMillis`.
    private var quickDeaths = 0
    /// When a failed child is retried; nil in other states, and in a state encoded by a version without retries.
    private var retriesAt: Int64?
    /// Why the last handover was cancelled; nil when it was not.
    public internal(set) var handoverFault: HandoverFault?
    /// Not encoded: a newer program may have better limits.
    var policy = RestartPolicy()

    private enum CodingKeys: CodingKey {
        case state, deaths, lastDeath, launches, restarts, cause, quickDeaths, handoverFault, retriesAt
    }

    public init(policy: RestartPolicy) {
        self.policy = policy
    }

    /// When the current state times out; nil when it waits for events only.
    public var deadline: Int64? {
        switch state {
        case .starting(_, let readyBy): readyBy
        case .ready(_, let heartbeatBy): heartbeatBy
        case .terminating(let killAt), .replacing(let killAt): killAt
        case .handingOver(let handover): handover.until
        case .merging(let merge): merge.until
        case .splitting(let splitting): splitting.until
        case .draining(let killAt): killAt
        case .backoff(let until): until
        case .stopping(let killAt): killAt
        case .killing(let giveUpAt): giveUpAt
        case .failed: retriesAt
        case .idle, .stopped, .drained: nil
        }
    }

    /// True while a process may run in this place.
    public var mayBeAlive: Bool {
        switch state {
        case .starting, .ready, .terminating, .replacing, .handingOver, .draining, .stopping, .killing: true
        case .merging(let merge): merge.isAlive
        case .splitting(let splitting): splitting.ending == nil
        case .idle, .backoff, .failed, .stopped, .drained: false
        }
    }

    var isReady: Bool { if case .ready = state { true } else { false } }

    /// True when no process runs and none of its pending work is left.
    var isGone: Bool {
        switch state {
        case .merging, .splitting: false
        case .idle, .starting, .ready, .terminating, .replacing, .handingOver, .draining, .drained, .backoff, .stopping,
            .killing, .failed, .stopped:
            !mayBeAlive
        }
    }

    /// True when the place is to stay empty until a process is requested, even if one is still exiting.
    var isVacated: Bool {
        switch state {
        case .draining, .drained, .merging: true
        case .idle, .starting, .ready, .terminating, .replacing, .handingOver, .splitting, .backoff, .stopping,
            .killing,
            .failed, .stopped:
            false
        }
    }

    /// True while the process exits to make room for a successor.
    var isReplacing: Bool { if case .replacing = state { true } else { false } }

    /// Handles an event and returns the resulting actions.
    /// - Parameter jitter: 0 ..< 1, a new random value for each call; shortens the pause before a restart.
    public mutating func handle(_ event: ChildEvent, at now: Int64, jitter: Double = 0) -> [ChildAction] {
        if event == .deadline {
            guard let deadline, now >= deadline else { return [] }
        }
        switch (state, event) {

        // No process.
        case (.idle, .start), (.backoff, .start), (.backoff, .restart), (.backoff, .handOver), (.backoff, .deadline),
            (.failed, .deadline):
            return launch(at: now)
        case (.stopped, .start), (.failed, .start), (.failed, .restart), (.failed, .handOver):
            quickDeaths = 0
            if cause != nil { cause = .asked }
            return launch(at: now)
        case (.idle, .stop), (.idle, .stopAtOnce), (.backoff, .stop), (.backoff, .stopAtOnce),
            (.failed, .stop), (.failed, .stopAtOnce):
            state = .stopped
            return []
        case (.idle, .saidReady), (.idle, .heartbeat), (.idle, .ended), (.idle, .deadline), (.idle, .restart),
            (.idle, .handOver), (.idle, .handover), (.backoff, .handover), (.failed, .handover), (.stopped, .handOver),
            (.stopped, .handover), (.backoff, .saidReady), (.backoff, .heartbeat), (.backoff, .ended),
            (.failed, .saidReady), (.failed, .heartbeat), (.failed, .ended),
            (.stopped, .saidReady), (.stopped, .heartbeat), (.stopped, .ended), (.stopped, .deadline),
            (.stopped, .stop), (.stopped, .stopAtOnce), (.stopped, .restart):
            return []  // late events of a process that is gone

        // A process that has not reported ready.
        case (.starting(let since, _), .saidReady):
            state = .ready(since: now, heartbeatBy: nil)
            return [.report(.ready(afterMillis: now - since))]
        case (.starting, .ended(let ending)):
            return crashed(ending, at: now, jitter: jitter)
        case (.starting(let since, let readyBy), .deadline):
            return notReadyInTime(since: since, readyBy: readyBy, at: now)
        case (.starting, .stop):
            return leave(at: now)
        case (.starting, .restart), (.starting, .handOver):
            return yield(at: now)
        case (.starting, .start), (.starting, .heartbeat), (.starting, .handover):
            return []

        // A process that serves.
        case (.ready(let since, _), .heartbeat):
            state = .ready(since: since, heartbeatBy: now + policy.heartbeatWithinMillis)
            return []
        case (.ready(let since, _), .ended(let ending)):
            forgetDeaths(readySince: since, at: now)
            return crashed(ending, at: now, jitter: jitter)
        case (.ready(let since, let heartbeatBy), .deadline):
            return missedHeartbeat(readySince: since, heartbeatBy: heartbeatBy ?? now, at: now)
        case (.ready, .stop):
            return leave(at: now)
        case (.ready(let since, _), .restart):
            forgetDeaths(readySince: since, at: now)
            return yield(at: now)
        case (.ready(let since, _), .handOver):
            handoverFault = nil
            state = .handingOver(
                Handover(phase: .preparing, servesSince: since, startedAt: now, until: now + policy.readyWithinMillis))
            return [.report(.handingOver), .successor(.spawn)]
        case (.ready, .move(let millis)):
            return beginMerge(drainWithinMillis: millis, at: now)
        case (.ready(let since, _), .split(let miners)):
            return beginSplitting(miners: miners, servesSince: since, at: now)
        case (.ready, .start), (.ready, .saidReady), (.ready, .handover), (.ready, .merged), (.ready, .notMerged):
            return []

        // A process with its successor beside it.
        case (.handingOver(let handover), _):
            return follow(handover, event, at: now)

        // A process whose miners move to another shard.
        case (.merging(let merge), _):
            return follow(merge, event, at: now)

        // A process that moves some of its miners to another shard.
        case (.splitting(let splitting), _):
            return follow(splitting, event, at: now, jitter: jitter)

        // A process that must exit so that another one can start.
        case (.terminating, .ended(let ending)):
            return crashed(ending, at: now, jitter: jitter)
        case (.terminating, .deadline):
            state = .terminating(killAt: nil)
            return [.report(.killed), .send(.kill)]
        case (.terminating(let killAt), .stop), (.replacing(let killAt), .stop):
            // It was told to exit already, so only the successor is cancelled.
            state = killAt.map { .stopping(killAt: $0) } ?? .killing(giveUpAt: now + policy.dieWithinMillis)
            return []
        case (.terminating, .start), (.terminating, .restart), (.terminating, .saidReady), (.terminating, .heartbeat),
            (.terminating, .handOver), (.terminating, .handover):
            return []

        // The same for a planned restart.
        case (.replacing, .ended(let ending)):
            return [.report(.replaced(ending))] + launch(at: now)
        case (.replacing, .deadline):
            state = .replacing(killAt: nil)
            return [.report(.killed), .send(.kill)]
        case (.replacing, .start), (.replacing, .restart), (.replacing, .saidReady), (.replacing, .heartbeat),
            (.replacing, .handOver), (.replacing, .handover):
            return []

        // A process that was told to exit without a successor.
        case (.stopping, .ended(let ending)), (.killing, .ended(let ending)):
            state = .stopped
            return [.report(.stopped(ending))]
        case (.stopping, .deadline):
            return [.report(.killed)] + kill(at: now)
        case (.killing, .deadline):
            state = .stopped
            return [.report(.abandoned)]
        case (.starting, .stopAtOnce), (.ready, .stopAtOnce), (.terminating, .stopAtOnce), (.replacing, .stopAtOnce),
            (.stopping, .stopAtOnce):
            return kill(at: now)
        case (.stopping, .start), (.stopping, .restart), (.stopping, .stop), (.stopping, .saidReady),
            (.stopping, .heartbeat), (.killing, .start), (.killing, .restart), (.killing, .stop),
            (.killing, .stopAtOnce),
            (.killing, .saidReady), (.killing, .heartbeat), (.stopping, .handOver), (.stopping, .handover),
            (.killing, .handOver), (.killing, .handover):
            return []

        // A process that drains: it accepts no new miners, disconnects the others and exits.
        case (.starting, .drain(let millis)), (.ready, .drain(let millis)), (.starting, .move(let millis)):
            return drain(withinMillis: millis, at: now)
        case (.terminating(let killAt), .drain), (.replacing(let killAt), .drain), (.terminating(let killAt), .move),
            (.replacing(let killAt), .move):
            // It was told to exit already, so only the successor is cancelled.
            state = .draining(killAt: killAt)
            return []
        case (.draining, .ended(let ending)):
            state = .drained
            return [.report(.drained(ending))]
        case (.draining, .deadline):
            state = .draining(killAt: nil)
            return [.report(.killed), .send(.kill)]
        case (.draining(.some), .stop):
            return leave(at: now)
        case (.draining(nil), .stop):
            state = .killing(giveUpAt: now + policy.dieWithinMillis)
            return []
        case (.draining, .stopAtOnce):
            return kill(at: now)
        case (.draining, .start), (.draining, .restart), (.draining, .handOver), (.draining, .handover),
            (.draining, .drain), (.draining, .saidReady), (.draining, .heartbeat), (.stopping, .drain),
            (.killing, .drain):
            return []

        // A place that stays empty until a process is requested.
        case (.idle, .drain), (.backoff, .drain), (.failed, .drain), (.stopped, .drain), (.idle, .move),
            (.backoff, .move), (.failed, .move), (.stopped, .move):
            state = .drained
            return [.report(.drained(nil))]
        case (.drained, .start), (.drained, .restart), (.drained, .handOver):
            quickDeaths = 0
            if cause != nil { cause = .asked }
            return launch(at: now)
        case (.drained, .stop), (.drained, .stopAtOnce):
            state = .stopped
            return []
        case (.draining, .move), (.stopping, .move), (.killing, .move), (.drained, .move),
            (.drained, .drain), (.drained, .handover), (.drained, .saidReady), (.drained, .heartbeat),
            (.drained, .ended),
            (.drained, .deadline):
            return []

        // Only a shard that serves can move miners to another one.
        case (.idle, .split), (.starting, .split), (.terminating, .split), (.replacing, .split), (.backoff, .split),
            (.draining, .split), (.drained, .split), (.stopping, .split), (.killing, .split), (.failed, .split),
            (.stopped, .split):
            return []

        // Late answers about a merge or a split that has ended.
        case (.idle, .merged), (.idle, .notMerged), (.starting, .merged), (.starting, .notMerged),
            (.terminating, .merged),
            (.terminating, .notMerged), (.replacing, .merged), (.replacing, .notMerged), (.backoff, .merged),
            (.backoff, .notMerged), (.draining, .merged), (.draining, .notMerged), (.drained, .merged),
            (.drained, .notMerged), (.stopping, .merged), (.stopping, .notMerged), (.killing, .merged),
            (.killing, .notMerged), (.failed, .merged), (.failed, .notMerged), (.stopped, .merged),
            (.stopped, .notMerged):
            return []
        }
    }

    // MARK: - Ways from one state to the next

    mutating func countLaunch() {
        launches += 1
        if let cause { restarts[cause, default: 0] += 1 }
        // A start without another cause was requested.
        cause = .asked
        handoverFault = nil
    }

    mutating func launch(at now: Int64) -> [ChildAction] {
        countLaunch()
        retriesAt = nil
        state = .starting(since: now, readyBy: now + policy.readyWithinMillis)
        return [.spawn]
    }

    private mutating func yield(at now: Int64) -> [ChildAction] {
        state = .replacing(killAt: now + policy.terminateWithinMillis)
        return [.report(.replacing), .send(.yield)]
    }

    mutating func leave(at now: Int64) -> [ChildAction] {
        state = .stopping(killAt: now + policy.terminateWithinMillis)
        return [.send(.terminate)]
    }

    mutating func drain(withinMillis millis: Int64, at now: Int64) -> [ChildAction] {
        state = .draining(killAt: now + millis + policy.terminateWithinMillis)
        return [.report(.draining(withinMillis: millis)), .send(.drain(withinMillis: millis))]
    }

    mutating func kill(at now: Int64) -> [ChildAction] {
        state = .killing(giveUpAt: now + policy.dieWithinMillis)
        return [.send(.kill)]
    }

    private mutating func notReadyInTime(since: Int64, readyBy: Int64, at now: Int64) -> [ChildAction] {
        if now - readyBy > policy.ownDelayMillisMax {
            state = .starting(since: since, readyBy: now + policy.readyWithinMillis)
            return []
        }
        cause = .neverReady
        state = .terminating(killAt: now + policy.terminateWithinMillis)
        return [.report(.neverReady), .send(.terminate)]
    }

    private mutating func missedHeartbeat(readySince since: Int64, heartbeatBy: Int64, at now: Int64) -> [ChildAction] {
        if now - heartbeatBy > policy.ownDelayMillisMax {
            state = .ready(since: since, heartbeatBy: now + policy.heartbeatWithinMillis)
            return []
        }
        forgetDeaths(readySince: since, at: now)
        cause = .stalled
        state = .terminating(killAt: now + policy.terminateWithinMillis)
        return [.report(.stalled), .send(.abort)]
    }

    mutating func forgetDeaths(readySince since: Int64, at now: Int64) {
        if now - since >= policy.healthyAfterMillis { quickDeaths = 0 }
    }

    mutating func crashed(_ ending: ExitReason, at now: Int64, jitter: Double) -> [ChildAction] {
        deaths += 1
        lastDeath = ending
        // The signal that ends a process in `terminating` comes from the supervisor and is not the cause.
        if case .terminating = state {} else { cause = RestartCause(ending) }
        quickDeaths += 1
        if case .exit(let code) = ending, policy.finalExitCodes.contains(code) {
            return fail(.refused(exitCode: code), at: now)
        }
        if quickDeaths >= policy.quickDeathsMax {
            return fail(.keptDying(deaths: quickDeaths, last: ending), at: now)
        }
        let pause = policy.pause(quickDeaths: quickDeaths, jitter: jitter)
        state = .backoff(until: now + pause)
        return [.report(.crashed(ending, restartInMillis: pause))]
    }

    private mutating func fail(_ failure: Failure, at now: Int64) -> [ChildAction] {
        state = .failed(failure)
        retriesAt = now + RestartPolicy.failedPauseMillis
        return [.report(.failed(failure))]
    }
}
