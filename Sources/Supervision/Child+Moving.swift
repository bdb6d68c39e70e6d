// The third table of a child's life (`Child`, `Moving`).

extension Child {
    mutating func beginMoving(drainWithinMillis: Int64, at now: Int64) -> [ChildAction] {
        state = .moving(
            Moving(
                phase: .freezing, isAlive: true, drainWithinMillis: drainWithinMillis,
                until: now + policy.freezeWithinMillis))
        return [.report(.moving), .send(.freeze)]
    }

    mutating func follow(_ moving: Moving, _ event: ChildEvent, at now: Int64) -> [ChildAction] {
        if event == .deadline, let until = moving.until, now - until > policy.ownDelayMillisMax {
            return enter(moving.phase, of: moving, within: limit(of: moving.phase), at: now)
        }
        switch (moving.phase, event) {

        // The process has been asked to stand still.
        case (.freezing, .handover(.froze)):
            return give(moving, at: now)
        case (.freezing, .handover(.cannotFreeze)):
            return takeBack(moving, .cannotFreeze, at: now)
        case (.freezing, .deadline):
            return takeBack(moving, .hasStalled, at: now)
        case (.freezing, .ended(let ending)):
            mourn(ending)
            return give(dead(moving), at: now)

        // Another shard is to absorb it.
        case (.giving, .given):
            var moving = moving
            moving.attempts = moving.isAlive ? 0 : 1
            let process: [ChildAction] = moving.isAlive ? [] : [.spawn]
            moving.isAlive = true
            return enter(.parting, of: moving, within: policy.partWithinMillis, at: now)
                + process + [.send(.absorbed)]
        case (.giving, .notGiven):
            return takeBack(moving, .nobodyTookIt, at: now)
        case (.giving, .ended(let ending)):
            mourn(ending)
            state = .moving(dead(moving))
            return []
        case (.giving, .deadline):
            // Whoever was asked may have taken it, so the process must not go on. If nobody has, its miners connect anew.
            return [.report(.moveFailed(.nobodyAnswered))] + endAtOnce(moving, at: now)

        // Its events are handed over.
        case (.parting, .ended(.exit(0))):
            state = .drained
            return [.report(.moved)]
        case (.parting, .ended(let ending)):
            mourn(ending)
            guard moving.attempts < policy.partAttemptsMax else {
                state = .drained
                return [.report(.moved)]
            }
            var moving = moving
            moving.attempts += 1
            return enter(.parting, of: moving, within: policy.partWithinMillis, at: now)
                + [.spawn, .send(.absorbed)]
        case (.parting, .deadline):
            return [.report(.killed)] + endAtOnce(moving, at: now)

        case (.freezing, .stop):
            return [.send(.resume)] + leave(at: now)
        case (.giving, .stop):
            // Another shard may have its miners already: it must not touch them any more.
            return moving.isAlive ? kill(at: now) : endAtOnce(moving, at: now)
        case (.parting, .stop):
            return leave(at: now)
        case (_, .stopAtOnce):
            return moving.isAlive ? kill(at: now) : endAtOnce(moving, at: now)

        // Late or early words, and wishes that are being fulfilled.
        case (.freezing, .given), (.freezing, .notGiven), (.parting, .given), (.parting, .notGiven),
            (.giving, .handover), (.parting, .handover),
            (.freezing, .handover(.prepared)), (.freezing, .handover(.adopted)),
            (.freezing, .handover(.successorEnded)):
            return []
        case (_, .start), (_, .restart), (_, .handOver), (_, .move), (_, .split), (_, .drain), (_, .saidReady),
            (_, .beat):
            return []
        }
    }

    private func limit(of phase: Moving.Phase) -> Int64 {
        switch phase {
        case .freezing: policy.freezeWithinMillis
        case .giving: policy.giveWithinMillis
        case .parting: policy.partWithinMillis
        }
    }

    private mutating func enter(
        _ phase: Moving.Phase, of moving: Moving, within millis: Int64, at now: Int64
    ) -> [ChildAction] {
        var moving = moving
        moving.phase = phase
        moving.until = now + millis
        state = .moving(moving)
        return []
    }

    private mutating func give(_ moving: Moving, at now: Int64) -> [ChildAction] {
        enter(.giving, of: moving, within: policy.giveWithinMillis, at: now) + [.give]
    }

    private func dead(_ moving: Moving) -> Moving {
        var moving = moving
        moving.isAlive = false
        return moving
    }

    private mutating func mourn(_ ending: Ending) {
        deaths += 1
        lastDeath = ending
    }

    /// It goes on as before, if it lives, and sends its miners away instead.
    private mutating func takeBack(_ moving: Moving, _ fault: MoveFault, at now: Int64) -> [ChildAction] {
        guard moving.isAlive else {
            cause = lastDeath.map { RestartCause($0) }
            return [.report(.moveFailed(fault))] + launch(at: now)
        }
        return [.report(.moveFailed(fault)), .send(.resume)] + drain(withinMillis: moving.drainWithinMillis, at: now)
    }

    private mutating func endAtOnce(_ moving: Moving, at now: Int64) -> [ChildAction] {
        guard moving.isAlive else {
            state = .drained
            return [.report(.drained(lastDeath))]
        }
        state = .draining(killAt: nil)
        return [.send(.kill)]
    }
}
