/// A shard that moves some of its miners and pool connections to another one, and continues with the rest.
///
/// The process is frozen as for a handover, and its state is written. The performer asks another shard to absorb a part
/// of that state, and reports whether it did. If it did, the process is told to release that part, else to resume.
/// Either way it is ready again. A process that crashes during the split leaves its saved state behind. Which shard has
/// the part is known only when the other one has answered, so the successor is not started before.
public struct Splitting: Equatable, Sendable, Codable {
    public enum Phase: Equatable, Sendable, Codable {
        /// The process was asked to freeze.
        case freezing
        /// It is frozen, or has crashed; another shard is to absorb a part of its state.
        case offering
    }

    public var phase: Phase
    /// At most this many miners move.
    public var miners: Int
    /// Since when the process is ready.
    var servesSince: Int64
    /// How the process ended; nil while it runs.
    var ending: ExitReason?
    /// When the phase times out. In `offering` the time is extended without end: the other shard answers, is replaced
    /// and asked again, or fails.
    var until: Int64
}

// The state table of a split.
extension Child {
    mutating func beginSplitting(miners: Int, servesSince: Int64, at now: Int64) -> [ChildAction] {
        state = .splitting(
            Splitting(
                phase: .freezing, miners: miners, servesSince: servesSince, until: now + policy.freezeWithinMillis))
        return [.report(.splitting), .send(.freeze)]
    }

    mutating func follow(
        _ splitting: Splitting, _ event: ChildEvent, at now: Int64, jitter: Double
    ) -> [ChildAction] {
        var next = splitting
        if event == .deadline, now - splitting.until > policy.ownDelayMillisMax {
            next.until =
                now + (splitting.phase == .freezing ? policy.freezeWithinMillis : policy.offerWithinMillis)
            state = .splitting(next)
            return []
        }
        switch (splitting.phase, event) {

        // The process was asked to freeze.
        case (.freezing, .handover(.froze)):
            next.phase = .offering
            next.until = now + policy.offerWithinMillis
            state = .splitting(next)
            return [.requestMerge]
        case (.freezing, .handover(.cannotFreeze)):
            return goOn(splitting, [.report(.splitFailed(.cannotFreeze)), .send(.resume)], at: now)
        case (.freezing, .deadline):
            return goOn(splitting, [.report(.splitFailed(.hasStalled)), .send(.resume)], at: now)
        case (.freezing, .ended(let ending)):
            forgetDeaths(readySince: splitting.servesSince, at: now)
            return crashed(ending, at: now, jitter: jitter)

        // Another shard is to absorb the part.
        case (.offering, .merged), (.offering, .notMerged):
            if let ending = splitting.ending {
                forgetDeaths(readySince: splitting.servesSince, at: now)
                return crashed(ending, at: now, jitter: jitter)
            }
            let isGiven = event == .merged
            let kept: [ChildAction] = [.send(.resume), .report(.splitFailed(.nobodyTookIt))]
            return goOn(splitting, isGiven ? [.release, .report(.split)] : kept, at: now)
        case (.offering, .ended(let ending)):
            next.ending = ending
            state = .splitting(next)
            return []
        case (.offering, .deadline):
            next.until = now + policy.offerWithinMillis
            state = .splitting(next)
            return [.report(.splitFailed(.nobodyAnswered))]

        case (.freezing, .stop):
            return [.send(.resume)] + leave(at: now)
        case (.offering, .stop), (_, .stopAtOnce):
            // Another shard may have the part already, so the process must not touch it again.
            guard splitting.ending == nil else {
                state = .stopped
                return []
            }
            return kill(at: now)

        // Events that came late or early, and requests that wait until the split has ended.
        case (.freezing, .merged), (.freezing, .notMerged), (.offering, .handover), (.freezing, .handover(.prepared)),
            (.freezing, .handover(.adopted)), (.freezing, .handover(.successorEnded)), (_, .start), (_, .restart),
            (_, .handOver), (_, .move), (_, .split), (_, .drain), (_, .saidReady), (_, .heartbeat):
            return []
        }
    }

    private mutating func goOn(_ splitting: Splitting, _ actions: [ChildAction], at now: Int64) -> [ChildAction] {
        state = .ready(since: splitting.servesSince, heartbeatBy: now + policy.heartbeatWithinMillis)
        return actions
    }
}

/// Chooses which shard gives how many miners to which other one, so that all have about the same number.
public enum Rebalancing {
    /// The next move; nil when no shard has at least two miners more than another one.
    /// - Parameters:
    ///   - miners: how many each shard has.
    ///   - stuck: shards that cannot move any: each of their pool connections has more miners than were to be moved.
    public static func step(
        _ miners: [ChildName: Int], except stuck: Set<ChildName> = []
    ) -> (from: ChildName, to: ChildName, miners: Int)? {
        // Ties are broken by name, so that the order does not depend on a hash.
        let ordered = miners.sorted { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }
        guard let fewest = ordered.first,
            let most = ordered.last(where: { !stuck.contains($0.key) && $0.key != fewest.key })
        else { return nil }
        let half = (most.value - fewest.value) / 2
        return half > 0 ? (most.key, fewest.key, half) : nil
    }
}
