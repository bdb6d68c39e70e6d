// The state table of a merge (`Child`, `Merge`).

extension Child {
    mutating func beginMerge(drainWithinMillis: Int64, at now: Int64) -> [ChildAction] {
        state = .merging(
            Merge(
                phase: .freezing, isAlive: true, drainWithinMillis: drainWithinMillis,
                until: now + policy.freezeWithinMillis))
        return [.report(.merging), .send(.freeze)]
    }

    mutating func follow(_ merge: Merge, _ event: ChildEvent, at now: Int64) -> [ChildAction] {
        if event == .deadline, let until = merge.until, now - until > policy.ownDelayMillisMax {
            return enter(merge.phase, of: merge, within: limit(of: merge.phase), at: now)
        }
        switch (merge.phase, event) {

        // The process was asked to freeze.
        case (.freezing, .handover(.froze)):
            return give(merge, at: now)
        case (.freezing, .handover(.cannotFreeze)):
            return takeBack(merge, .cannotFreeze, at: now)
        case (.freezing, .deadline):
            return takeBack(merge, .hasStalled, at: now)
        case (.freezing, .ended(let ending)):
            recordExit(ending)
            return give(dead(merge), at: now)

        // Another shard is to absorb it.
        case (.offering, .merged):
            var merge = merge
            merge.attempts = merge.isAlive ? 0 : 1
            let process: [ChildAction] = merge.isAlive ? [] : [.spawn]
            merge.isAlive = true
            return enter(.leaving, of: merge, within: policy.departWithinMillis, at: now)
                + process + [.send(.absorbed)]
        case (.offering, .notMerged):
            return takeBack(merge, .nobodyTookIt, at: now)
        case (.offering, .ended(let ending)):
            recordExit(ending)
            state = .merging(dead(merge))
            return []
        case (.offering, .deadline):
            // The other shard may have absorbed it, so the process must not continue. If it has not, the miners
            // reconnect.
            return [.report(.moveFailed(.nobodyAnswered))] + endAtOnce(merge, at: now)

        // The process hands over its events.
        case (.leaving, .ended(.exit(0))):
            state = .drained
            return [.report(.moved)]
        case (.leaving, .ended(let ending)):
            recordExit(ending)
            guard merge.attempts < policy.departAttemptsMax else {
                state = .drained
                return [.report(.moved)]
            }
            var merge = merge
            merge.attempts += 1
            return enter(.leaving, of: merge, within: policy.departWithinMillis, at: now)
                + [.spawn, .send(.absorbed)]
        case (.leaving, .deadline):
            return [.report(.killed)] + endAtOnce(merge, at: now)

        case (.freezing, .stop):
            return [.send(.resume)] + leave(at: now)
        case (.offering, .stop):
            // Another shard may have its miners already, so the process must not touch them again.
            return merge.isAlive ? kill(at: now) : endAtOnce(merge, at: now)
        case (.leaving, .stop):
            return leave(at: now)
        case (_, .stopAtOnce):
            return merge.isAlive ? kill(at: now) : endAtOnce(merge, at: now)

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
        case .offering: policy.offerWithinMillis
        case .leaving: policy.departWithinMillis
        }
    }

    private mutating func enter(
        _ phase: Merge.Phase, of merge: Merge, within millis: Int64, at now: Int64
    ) -> [ChildAction] {
        var merge = merge
        merge.phase = phase
        merge.until = now + millis
        state = .merging(merge)
        return []
    }

    private mutating func give(_ merge: Merge, at now: Int64) -> [ChildAction] {
        enter(.offering, of: merge, within: policy.offerWithinMillis, at: now) + [.requestMerge]
    }

    private func dead(_ merge: Merge) -> Merge {
        var merge = merge
        merge.isAlive = false
        return merge
    }

    private mutating func recordExit(_ ending: ExitReason) {
        deaths += 1
        lastDeath = ending
    }

    /// Cancels the merge. A process that still runs resumes and drains its miners instead.
    private mutating func takeBack(_ merge: Merge, _ fault: MoveFault, at now: Int64) -> [ChildAction] {
        guard merge.isAlive else {
            cause = lastDeath.map { RestartCause($0) }
            return [.report(.moveFailed(fault))] + launch(at: now)
        }
        return [.report(.moveFailed(fault)), .send(.resume)] + drain(withinMillis: merge.drainWithinMillis, at: now)
    }

    private mutating func endAtOnce(_ merge: Merge, at now: Int64) -> [ChildAction] {
        guard merge.isAlive else {
            state = .drained
            return [.report(.drained(lastDeath))]
        }
        state = .draining(killAt: nil)
        return [.send(.kill)]
    }
}
