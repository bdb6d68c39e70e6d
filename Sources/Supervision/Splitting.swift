/// A shard that gives some of its miners and pools to another one, and goes on with the rest.
///
/// The theory. The process is frozen as for a hand-over, its state written down. The performer tells another shard to absorb
/// a part of that state, and hears whether it has. If so, the process is told to release that part; if not, to resume. Either way
/// it is ready again. A process that dies on the way leaves its state behind. Who has the part is known only when the other shard
/// has answered, so its successor is not started before.
public struct Splitting: Equatable, Sendable, Codable {
    public enum Phase: Equatable, Sendable, Codable {
        /// The process has been asked to stand still.
        case freezing
        /// It is frozen, or dead; another shard is to absorb a part of what it has.
        case offering
    }

    public var phase: Phase
    /// At most this many miners move.
    public var miners: Int
    /// Since when the process is ready.
    var servesSince: Int64
    /// How the process has ended; nil while it lives.
    var ending: ExitReason?
    /// How long the phase may last. That of `offering` begins again: the shard that was asked answers, or is replaced and asked
    /// again, or fails.
    var until: Int64
}

// The fourth table of a child's life.
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

        // The process has been asked to stand still.
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
            return died(ending, at: now, jitter: jitter)

        // Another shard is to absorb the part.
        case (.offering, .merged), (.offering, .notMerged):
            if let ending = splitting.ending {
                forgetDeaths(readySince: splitting.servesSince, at: now)
                return died(ending, at: now, jitter: jitter)
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
            // Another shard may have the part already: the process must not touch it any more.
            guard splitting.ending == nil else {
                state = .stopped
                return []
            }
            return kill(at: now)

        // Late or early words, and wishes that wait until this is over.
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

/// Which shard gives how many miners to which other one, so that all have about as many.
public enum Rebalancing {
    /// The next step; nil when no shard that may give has more than another one by two miners.
    /// - Parameters:
    ///   - miners: how many each shard has.
    ///   - stuck: shards that could not give: each of their pool connections has more miners than there were to be moved.
    public static func step(
        _ miners: [ChildName: Int], except stuck: Set<ChildName> = []
    ) -> (from: ChildName, to: ChildName, miners: Int)? {
        // By name where they are equal, so that the order does not depend on a hash.
        let ordered = miners.sorted { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }
        guard let fewest = ordered.first,
            let most = ordered.last(where: { !stuck.contains($0.key) && $0.key != fewest.key })
        else { return nil }
        let half = (most.value - fewest.value) / 2
        return half > 0 ? (most.key, fewest.key, half) : nil
    }
}
