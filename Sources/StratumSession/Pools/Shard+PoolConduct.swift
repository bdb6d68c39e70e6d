internal import StratumProtocol

// Refusals and lines of a pool that show whether its session is still of use.

extension Shard {
    /// A request was refused, or the pool sent an error without one. The text may mean that the session is broken.
    mutating func refused(_ requestID: Int64?, _ text: String, by id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        let concernsCurrentJob = requestID.map { isForCurrentJob($0, of: id) } ?? false
        let meaning = RefusalMeaning(text)
        if let requestID { answered(requestID, refusal: (text, meaning), by: id, at: now) }
        switch meaning {
        case .request, .badShare:
            self[upstream, pool].unknownJobs = 0
            leaveIfRejecting(pool, at: now)
        case .unknownJob, .invalidJobID:
            guard concernsCurrentJob else { return }
            self[upstream, pool].unknownJobs += 1
            let isBroken =
                meaning == .invalidJobID || self[upstream, pool].unknownJobs >= Limits.unknownJobsMax
            if isBroken { fail(id, .sessionLost(text), at: now) }
        case .forgotten:
            fail(id, .sessionLost(text), at: now)
        case .banned where upstreams[upstream].login != nil:
            // It may mean the miner's account. If it means this proxy, the next login is refused.
            fail(id, .sessionLost(text), at: now)
        case .banned:
            fail(id, ban(id, text, at: now), at: now)
        }
    }

    /// Whether a share is for its pool's current job, which the pool must know.
    private func isForCurrentJob(_ requestID: Int64, of id: PoolConnectionID) -> Bool {
        let upstream = Int(id.upstream)
        guard let share = self[id].inFlight.share(of: requestID) else { return false }
        return !share.isExpired && upstreams[upstream].current?.source == id
            && upstreams[upstream].jobAt <= share.sentAt
    }

    /// The pool has banned this proxy: no upstream connects to it for a while.
    mutating func ban(_ id: PoolConnectionID, _ text: String, at now: Instant) -> PoolFailure {
        seats[Int(id.pool)].banned(at: now)
        let pause = Milliseconds(seats[Int(id.pool)].bannedUntil.microseconds(since: now) / 1_000)
        return .banned(text, pause: pause)
    }

    /// The pool has accepted a share.
    mutating func poolIsUseful(_ id: PoolConnectionID) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        self[upstream, pool].unknownJobs = 0
        self[upstream, pool].redirects = 0
        self[upstream, pool].hasAccepted = true
        seats[pool].isUseful()
        if let rank = seats[pool].rank { upstreams[upstream].choice.proved(Int(rank)) }
    }

    /// The pool has sent a line that is not a message. A few are ignored.
    mutating func oddLine(_ fault: PeerFault, of id: PoolConnectionID, at now: Instant) {
        guard isCurrent(id) else { return }
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        if now >= self[upstream, pool].oddLinesSince + Limits.oddLinesWindow {
            self[upstream, pool].oddLinesSince = now
            self[upstream, pool].oddLines = 0
        }
        guard self[upstream, pool].oddLines < Limits.oddLinesMax else {
            return fail(id, .fault(fault), at: now)
        }
        self[upstream, pool].oddLines += 1
        outbox.append(.notice(.poolOddLine(id, fault)))
    }
}
