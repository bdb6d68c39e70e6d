// The state table of a handover (`Child`, `Handover`).

extension Child {
    /// Handles every event in every phase of a handover.
    mutating func follow(_ handover: Handover, _ event: ChildEvent, at now: Int64) -> [ChildAction] {
        if event == .deadline, let until = handover.until, now - until > policy.ownDelayMillisMax {
            // The supervisor itself was not running, so the deadline says nothing about the child.
            return enter(handover.phase, of: handover, until: now + limit(of: handover.phase))
        }
        switch (handover.phase, event) {

        // The successor starts; the process serves as before.
        case (.preparing, .handover(.prepared)):
            return enter(.freezing, of: handover, until: now + policy.freezeWithinMillis) + [.send(.freeze)]
        case (.preparing, .handover(.successorEnded(let ending))):
            return takeBack(handover, .crashed(ending), at: now)
        case (.preparing, .deadline):
            return takeBack(handover, .notPrepared, at: now)
        case (.preparing, .stop):
            return [.successor(.dismiss)] + leave(at: now)
        case (.preparing, .drain(let millis)), (.preparing, .move(let millis)):
            return [.successor(.dismiss)] + drain(withinMillis: millis, at: now)

        // The process was asked to freeze.
        case (.freezing, .handover(.froze)):
            return enter(.adopting, of: handover, until: now + policy.adoptWithinMillis) + [.successor(.adopt)]
        case (.freezing, .handover(.cannotFreeze)):
            return takeBack(handover, .cannotFreeze, at: now) + [.send(.resume)]
        case (.freezing, .handover(.successorEnded(let ending))), (.adopting, .handover(.successorEnded(let ending))):
            return takeBack(handover, .crashed(ending), at: now) + [.send(.resume)]
        case (.freezing, .deadline):
            cause = .stalled
            return [.report(.stalled)]
                + enter(.terminating, of: handover, until: now + policy.terminateWithinMillis) + [.send(.abort)]
        case (.freezing, .stop), (.adopting, .stop):
            return [.successor(.dismiss), .send(.resume)] + leave(at: now)
        case (.freezing, .drain(let millis)), (.adopting, .drain(let millis)), (.freezing, .move(let millis)),
            (.adopting, .move(let millis)):
            return [.successor(.dismiss), .send(.resume)] + drain(withinMillis: millis, at: now)

        // The process is frozen; the successor reads its saved state.
        case (.adopting, .handover(.adopted)):
            return enter(.releasing, of: handover, until: now + policy.terminateWithinMillis) + [.send(.leave)]
        case (.adopting, .deadline):
            return takeBack(handover, .notAdopted, at: now) + [.send(.resume)]

        // The successor has everything; the process exits, or is killed.
        case (.releasing, .ended(let ending)):
            return [.report(.replaced(ending))] + promote(handover, at: now)
        case (.releasing, .deadline), (.terminating, .deadline):
            return [.report(.killed)] + enter(handover.phase, of: handover, until: nil) + [.send(.kill)]
        case (.releasing, .handover(.successorEnded)):
            state = .replacing(killAt: handover.until)
            return [.successor(.dismiss)]
        case (.terminating, .handover(.successorEnded)):
            state = .terminating(killAt: handover.until)
            return [.successor(.dismiss)]
        case (.releasing, .stop), (.terminating, .stop):
            state = handover.until.map { .stopping(killAt: $0) } ?? .killing(giveUpAt: now + policy.dieWithinMillis)
            return [.successor(.dismiss)]

        case (.releasing, .drain), (.terminating, .drain), (.releasing, .move), (.terminating, .move):
            // It was told to exit already, so only the successor is cancelled.
            state = .draining(killAt: handover.until)
            return [.successor(.dismiss)]

        // The process crashed, and its successor is ready to take over.
        case (.preparing, .ended(let ending)), (.freezing, .ended(let ending)), (.adopting, .ended(let ending)),
            (.terminating, .ended(let ending)):
            deaths += 1
            lastDeath = ending
            if handover.phase != .terminating { cause = RestartCause(ending) }
            return [.report(.crashed(ending, restartInMillis: 0))] + promote(handover, at: now)

        case (.preparing, .stopAtOnce), (.freezing, .stopAtOnce), (.adopting, .stopAtOnce), (.releasing, .stopAtOnce),
            (.terminating, .stopAtOnce):
            return [.successor(.dismiss)] + kill(at: now)

        // Events that came late or early, and requests that are already in progress.
        case (.preparing, .handover(.froze)), (.preparing, .handover(.cannotFreeze)), (.preparing, .handover(.adopted)),
            (.freezing, .handover(.prepared)), (.freezing, .handover(.adopted)),
            (.adopting, .handover(.prepared)), (.adopting, .handover(.froze)), (.adopting, .handover(.cannotFreeze)),
            (.releasing, .handover(.prepared)), (.releasing, .handover(.froze)),
            (.releasing, .handover(.cannotFreeze)), (.releasing, .handover(.adopted)),
            (.terminating, .handover(.prepared)), (.terminating, .handover(.froze)),
            (.terminating, .handover(.cannotFreeze)),
            (.terminating, .handover(.adopted)):
            return []
        case (_, .start), (_, .restart), (_, .handOver), (_, .split), (_, .saidReady), (_, .heartbeat),
            (_, .merged), (_, .notMerged):
            return []
        }
    }

    private func limit(of phase: Handover.Phase) -> Int64 {
        switch phase {
        case .preparing: policy.readyWithinMillis
        case .freezing: policy.freezeWithinMillis
        case .adopting: policy.adoptWithinMillis
        case .releasing, .terminating: policy.terminateWithinMillis
        }
    }

    private mutating func enter(_ phase: Handover.Phase, of handover: Handover, until: Int64?) -> [ChildAction] {
        var handover = handover
        handover.phase = phase
        handover.until = until
        state = .handingOver(handover)
        return []
    }

    /// Cancels the handover: the process continues to serve. Heartbeats that it missed meanwhile do not count.
    private mutating func takeBack(_ handover: Handover, _ fault: HandoverFault, at now: Int64) -> [ChildAction] {
        handoverFault = fault
        state = .ready(since: handover.servesSince, heartbeatBy: now + policy.heartbeatWithinMillis)
        return [.successor(.dismiss), .report(.handoverFailed(fault))]
    }

    /// Makes the successor the process of this place.
    private mutating func promote(_ handover: Handover, at now: Int64) -> [ChildAction] {
        forgetDeaths(readySince: handover.servesSince, at: now)
        countLaunch()
        state = .starting(since: handover.startedAt, readyBy: now + policy.readyWithinMillis)
        return [.successor(.promote), .send(.go)]
    }
}
