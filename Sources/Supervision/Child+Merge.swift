// The state table of a merge (`Child`, `Merge`).

extension Child {
    mutating func beginMerge(drainWithinMillis: Int64, at now: Int64) -> [ChildAction] {
        state = .moving(
            Merge(
                phase: .freezing, isAlive: true, drainWithinMillis: drainWithinMillis,
                until: now + policy.freezeWithinMillis))
        return [.report(.moving), .send(.freeze)]
    }

    mutating func follow(_ moving: Merge, _ event: ChildEvent, at now: Int64) -> [ChildAction] {
        if event == .deadline, let until = moving.until, now - until > policy.ownDelayMillisMax {
            return enter(moving.phase, of: moving, within: limit(of: moving.phase), at: now)
        }
        switch (moving.phase, event) {

        // The process was asked to freeze.
        case (.freezing, .handover(.froze)):
            return give(moving, at: now)
        case (.freezing, .handover(.cannotFreeze)):
            return takeBack(moving, .cannotFreeze, at: now)
        case (.freezing, .deadline):
            return takeBack(moving, .hasStalled, at: now)
        case (.freezing, .ended(let ending)):
            recordExit(ending)
            return give(dead(moving), at: now)

        // Another shard is to absorb it.
        case (.offering, .merged):
            var moving = moving
            moving.attempts = moving.isAlive ? 0 : 1
            let process: [ChildAction] = moving.isAlive ? [] : [.spawn]
            moving.isAlive = true
            return enter(.leaving, of: moving, within: policy.partWithinMillis, at: now)
                + process + [.send(.absorbed)]
        case (.offering, .notMerged):
            return takeBack(moving, .nobodyTookIt, at: now)
        case (.offering, .ended(let ending)):
            recordExit(ending)
            state = .moving(dead(moving))
            return []
        case (.offering, .deadline):
            // The other shard may have absorbed it, so the process must not continue. If it has not, the miners
            // reconnect.
            return [.report(.moveFailed(.nobodyAnswered))] + endAtOnce(moving, at: now)

        // The process hands over its events.
        case (.leaving, .ended(.exit(0))):
            state = .drained
            return [.report(.moved)]
        case (.leaving, .ended(let ending)):
            recordExit(ending)
            guard moving.attempts < policy.partAttemptsMax else {
                state = .drained
                return [.report(.moved)]
            }
            var moving = moving
            moving.attempts += 1
            return enter(.leaving, of: moving, within: policy.partWithinMillis, at: now)
                + [.spawn, .send(.absorbed)]
        case (.leaving, .deadline):
            return [.report(.killed)] + endAtOnce(moving, at: now)

        case (.freezing, .stop):
            return [.send(.resume)] + leave(at: now)
        case (.offering, .stop):
            // Another shard may have its miners already, so the process must not touch them again.
            return moving.isAlive ? kill(at: now) : endAtOnce(moving, at: now)
        case (.leaving, .stop):
            return leave(at: now)
        case (_, .stopAtOnce):
            return moving.isAlive ? kill(at: now) : endAtOnce(moving, at: now)

        // Events that came late or early, and requests that are already in progress.
        case (.freezing, .merged), (.freezing, .notMerged), (.leaving, .merged), (.leaving, .notMerged),
            (.offering, .handover), (.leaving, .handover),
            (.freezing, .handover(.prepared)), (.freezing, .handover(.adopted)),
            (.freezing, .handover(.successorEnded)):
            return []
        case (_, .start), (_, .restart), (_, .handOver), (_, .move), (_, .split), (_, .drain), (_, .saidReady),
            (_, .heartbeat):
            return []
        }
    }

    private func limit(of phase: Merge.Phase) -> Int64 {
        switch phase {
        case .freezing: policy.freezeWithinMillis
        case .offering: policy.giveWithinMillis
        case .leaving: policy.partWithinMillis
        }
    }

    private mutating func enter(
        _ phase: Merge.Phase, of moving: Merge, within millis: Int64, at now: Int64
    ) -> [ChildAction] {
        var moving = moving
        moving.phase = phase
        moving.until = now + millis
        state = .moving(moving)
        return []
    }

    private mutating func give(_ moving: Merge, at now: Int64) -> [ChildAction] {
        enter(.offering, of: moving, within: policy.giveWithinMillis, at: now) + [.requestMerge]
    }

    private func dead(_ moving: Merge) -> Merge {
        var moving = moving
        moving.isAlive = false
        return moving
    }

    private mutating func recordExit(_ ending: ExitReason) {
        deaths += 1
        lastDeath = ending
    }

    /// Cancels the merge. A process that still runs resumes and drains its miners instead.
    private mutating func takeBack(_ moving: Merge, _ fault: MoveFault, at now: Int64) -> [ChildAction] {
        guard moving.isAlive else {
            cause = lastDeath.map { RestartCause($0) }
            return [.report(.moveFailed(fault))] + launch(at: now)
        }
        return [.report(.moveFailed(fault)), .send(.resume)] + drain(withinMillis: moving.drainWithinMillis, at: now)
    }

    private mutating func endAtOnce(_ moving: Merge, at now: Int64) -> [ChildAction] {
        guard moving.isAlive else {
            state = .drained
            return [.report(.drained(lastDeath))]
        }
        state = .draining(killAt: nil)
        return [.send(.kill)]
    }
}
