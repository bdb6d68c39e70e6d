internal import StratumProtocol

extension Shard {
    /// Handles timeouts. Must be called every `Limits.tick`.
    public mutating func tick(at now: Instant) {
        ticks += 1
        for upstream in upstreams.indices where !upstreams[upstream].isSuspended {
            tickPools(upstream, at: now)
            tickEmptiness(upstream, at: now)
        }
        dropLastSleepers(at: now)
        if ticks % Limits.ticksPerRound == 0 {
            for seat in seats.indices where seats[seat].streak.count > 0 { leaveIfRejecting(seat, at: now) }
            mergeUpstreams(at: now)
        }
        expireMiners(at: now)
    }

    private mutating func tickPools(_ upstream: Int, at now: Instant) {
        let isRejecting = upstreams[upstream].activePool.map { seats[$0].streak.count > 0 } ?? false
        upstreams[upstream].choice.tick(isRejecting: isRejecting, at: now)
        upstreams[upstream].endLateShares(at: now)
        for pool in upstreams[upstream].sessions.indices {
            let id = upstreams[upstream].connection(of: pool)
            if let failure = self[upstream, pool].failure(at: now) {
                fail(id, failure, at: now)
            } else {
                adoptEarlyJob(of: id, at: now)
                keepAlive(id, at: now)
                finishDraining(id, at: now)
            }
        }
        dialWanted(upstream, at: now)
    }

    private mutating func keepAlive(_ id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        guard case .active = self[upstream, pool].phase,
            let interval = keepaliveInterval(of: id),
            now >= self[upstream, pool].lastSentAt + interval
        else { return }
        // A second keepalive would hide how long the pool has owed the answer to the first.
        if self[upstream, pool].keepaliveSentAt != nil {
            guard !self[upstream, pool].answersKeepalives else { return }
        }
        let requestID = self[upstream, pool].takeRequestID()
        self[upstream, pool].lastSentAt = now
        self[upstream, pool].keepaliveSentAt = now
        self[upstream, pool].keepaliveRequestID = requestID
        let session = self[upstream, pool].session
        send(to: id) { PoolRequest.keepalived(id: requestID, session: session, to: &$0) }
    }

    /// The longest silence towards the pool; nil = no limit. The operator's interval, less up to a quarter of it.
    private func keepaliveInterval(of id: PoolConnectionID) -> Milliseconds? {
        let session = self[id]
        let offered = session.hasKeepalive ? ShardPolicy.Pool.defaultKeepalive : nil
        guard let wanted = seats[Int(id.pool)].pool.keepalive ?? offered else { return nil }
        return Milliseconds(wanted.count - (wanted.count / 4) * UInt64(session.keepaliveLead) / 256)
    }

    private mutating func tickEmptiness(_ upstream: Int, at now: Instant) {
        let isWhole = upstreams[upstream].space.isWhole
        if policy.keepsFirstUpstream && upstream == 0 && isWhole == (policy.mode == .simple) { return }
        let limit = isWhole ? policy.reuse : Limits.emptyUpstream
        guard let since = upstreams[upstream].emptySince, now >= since + limit, upstreams[upstream].isIdle else {
            return
        }
        suspendUpstream(upstream, at: now)
        // It was of another mode.
        if policy.keepsFirstUpstream && upstream == 0 { _ = openUpstream(at: now) }
    }

    /// Removes suspended upstreams from the end of the list; others keep their numbers.
    private mutating func dropLastSleepers(at now: Instant) {
        while let last = upstreams.last, last.isSuspended, let since = last.emptySince,
            now >= since + Limits.emptyUpstream
        {
            upstreams.removeLast()
        }
    }

    /// Why a miner has not logged in.
    private func lackOfLogin(_ row: Int) -> CloseReason {
        if miners[row].awaitsHeader { return .proxyHeader(.incomplete) }
        if case .handshake = connectionStates[row].transport { return .tls(.handshakeTimeout) }
        return .loginTimeout
    }

    /// Closes miners that were silent too long, and resumes those whose budget has recovered. Each tick visits a tenth
    /// of the table.
    private mutating func expireMiners(at now: Instant) {
        var row = ticks % Limits.ticksPerRound
        while row < miners.count {
            if miners[row].phase != .vacant, now >= miners[row].deadline {
                let id = MinerID(index: UInt32(row), generation: miners[row].generation)
                let isLate = miners[row].phase == .awaitingLogin
                close(id, isLate ? lackOfLogin(row) : .idleTimeout, at: now)
            } else if miners[row].pause == .budget, miners[row].hasBudget(at: now) {
                resume(MinerID(index: UInt32(row), generation: miners[row].generation))
            } else if miners[row].phase == .vacant {
                connectionStates[row].forgetLongNames()
            }
            row += Limits.ticksPerRound
        }
    }
}
