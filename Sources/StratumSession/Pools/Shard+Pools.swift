public import StratumProtocol

extension Shard {
    // MARK: - Events of pool connections

    /// The TCP connection was made.
    public mutating func poolConnected(_ id: PoolConnectionID, at now: Instant) {
        guard isCurrent(id) else { return }
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        guard case .connecting = self[upstream, pool].phase else { return }
        self[upstream, pool].phase = .loggingIn(deadline: now + startLimit(Limits.poolAnswer))
        self[upstream, pool].lastSentAt = now
        let (configured, miners) = (seats[pool].pool, upstreams[upstream].login)
        let agent = policy.agent
        send(to: id) {
            PoolRequest.login(
                id: PoolSession.loginRequestID, user: miners?.user ?? configured.user,
                password: miners?.password ?? configured.password, agent: agent,
                rigID: miners?.rigID ?? configured.rigID, algorithm: configured.algorithm, to: &$0)
        }
    }

    /// How to decode the next line of a connection: the id of an unanswered login, and the algorithm of jobs that name
    /// none.
    public func reading(of id: PoolConnectionID) -> (loginID: Int64?, assumed: AlgorithmName) {
        let assumed = seats[Int(id.pool)].pool.algorithm ?? AlgorithmName()
        guard isCurrent(id), case .loggingIn = self[id].phase else {
            return (nil, assumed)
        }
        return (PoolSession.loginRequestID, assumed)
    }

    /// The pool has sent a message.
    public mutating func handle(_ message: PoolMessage, from id: PoolConnectionID, at now: Instant) {
        guard isCurrent(id) else { return }
        switch message {
        case .other:
            return
        case .reconnect(let redirect):
            redirected(redirect, of: id, at: now)
        case .loggedIn(let login):
            loggedIn(login, id, at: now)
        case .job(let job):
            consider(job, from: id, at: now)
        case .accepted(let requestID):
            answered(requestID, refusal: nil, by: id, at: now)
            finishDraining(id, at: now)
        case .refused(let requestID, let words):
            let text = withoutPassword(words, of: Int(id.upstream))
            if case .loggingIn = self[id].phase { return loginRefused(text, id, at: now) }
            refused(requestID, text, by: id, at: now)
            finishDraining(id, at: now)
        }
    }

    /// The pool has sent something that ends the session.
    public mutating func fault(_ fault: PeerFault, of id: PoolConnectionID, at now: Instant) {
        fail(id, .fault(fault), at: now)
    }

    /// The connection could not be made, or has ended.
    /// - Parameter reason: the text of the system.
    public mutating func poolClosed(_ id: PoolConnectionID, reason: String, at now: Instant) {
        abandonRecords(of: id)
        fail(id, .connection(String(decoding: reason.utf8.prefix(PoolFailure.textBytesMax), as: UTF8.self)), at: now)
    }

    /// A new process could not continue the connection. That is not a failure of the pool, so it is dialled again at
    /// once: miners find shares meanwhile.
    mutating func poolNotKept(_ id: PoolConnectionID, at now: Instant) {
        guard isCurrent(id) else { return }
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        let session = self[upstream, pool]
        abandonRecords(of: id)
        if case .draining = session.phase { return fail(id, .connection("not kept"), at: now) }
        letGo(of: id, at: now)
        guard let rank = seats[pool].rank else { return dialWanted(upstream, at: now) }
        upstreams[upstream].choice.moved(Int(rank))
        connect(pool, for: upstream, redirect: session.redirect, redirects: session.redirects, at: now)
    }

    // MARK: - Upstreams

    /// Opens a suspended upstream, or a new one.
    /// - Returns: its index; nil at the limit.
    mutating func openUpstream(at now: Instant) -> Int? {
        let space = NonceSpace(start: UInt8(truncatingIfNeeded: random.next()), isWhole: policy.mode == .simple)
        let index: Int
        if let sleeping = upstreams.firstIndex(where: { $0.isSuspended }) {
            index = sleeping
            upstreams[index].space = space
        } else {
            guard upstreams.count < Limits.upstreamsMax else { return nil }
            index = upstreams.count
            upstreams.append(
                Upstream(
                    index: UInt16(index), seats: seats.count,
                    choice: PoolChoice(count: policy.pools.count, retries: policy.retries), space: space))
        }
        upstreams[index].isSuspended = false
        upstreams[index].emptySince = now
        upstreams[index].accepted = 0
        upstreams[index].rejected = 0
        pace(index, at: now)
        dialWanted(index, at: now)
        return index
    }

    /// Delays the first dial of a new upstream when there were too many of them.
    private mutating func pace(_ index: Int, at now: Instant) {
        guard policy.mode == .simple || expectsReserved else { return }
        newConnections.spend(Limits.newConnectionInterval, at: now)
        let delay = newConnections.excess(over: Limits.newConnectionBurst, at: now)
        guard delay.count > 0 else { return }
        for seat in seats.indices where seats[seat].rank != nil {
            self[index, seat].phase = .pausing(until: now + delay)
        }
    }

    /// Suspends an upstream that has no miners.
    mutating func suspendUpstream(_ index: Int, at now: Instant) {
        for pool in upstreams[index].sessions.indices {
            letGo(of: upstreams[index].connection(of: pool), at: now)
        }
        upstreams[index].suspend(firstSlot: UInt8(truncatingIfNeeded: random.next()))
        upstreams[index].emptySince = now
        outbox.append(.notice(.upstreamClosed(upstream: UInt16(index))))
    }

    /// Connects to the pools that the choice wants, and disconnects from those it does not want.
    mutating func dialWanted(_ upstream: Int, at now: Instant) {
        guard !upstreams[upstream].isSuspended else { return }
        for pool in upstreams[upstream].sessions.indices {
            switch (self[upstream, pool].phase, wants(pool, for: upstream, at: now)) {
            case (.idle, true):
                dial(pool, for: upstream, at: now)
            case (.pausing(let until), true):
                if now >= until { dial(pool, for: upstream, at: now) }
            case (.pausing, false), (.connecting, false), (.loggingIn, false), (.awaitingJob, false):
                letGo(of: upstreams[upstream].connection(of: pool), at: now)
            case (.active, false):
                // It was in use until now: it may still answer requests, and gets the shares found in its job.
                self[upstream, pool].phase = .draining(deadline: now + Limits.drain)
                finishDraining(upstreams[upstream].connection(of: pool), at: now)
            case (.draining, true):
                // It is wanted again; a reconnect loses nothing while no pool serves and no share is in flight.
                guard upstreams[upstream].serving == nil, self[upstream, pool].inFlight.count == 0 else {
                    break
                }
                letGo(of: upstreams[upstream].connection(of: pool), at: now)
                dial(pool, for: upstream, at: now)
            case (.idle, false), (.connecting, true), (.loggingIn, true), (.awaitingJob, true), (.active, true),
                (.draining, false):
                break
            }
        }
    }

    /// Whether the pool of a seat should be used or tried now.
    private func wants(_ seat: Int, for upstream: Int, at now: Instant) -> Bool {
        guard let rank = seats[seat].rank else {
            // It is not in the list any more, and serves until another pool does.
            return upstreams[upstream].serving.map { Int($0) } == seat
        }
        return upstreams[upstream].choice.wants(Int(rank), at: now)
    }

    private mutating func dial(_ pool: Int, for upstream: Int, at now: Instant) {
        guard now >= seats[pool].bannedUntil else {
            self[upstream, pool].phase = .pausing(until: seats[pool].bannedUntil)
            if let rank = seats[pool].rank { upstreams[upstream].choice.failed(Int(rank), isRuledOut: true, at: now) }
            return
        }
        connect(pool, for: upstream, at: now)
    }

    /// The limit for one step of connecting to a pool: shorter when there is another pool, so that miners wait less.
    func startLimit(_ alone: Milliseconds) -> Milliseconds {
        policy.pools.count > 1 ? Limits.poolStart : alone
    }

    /// Connects to the pool's own address, or to where it has redirected.
    mutating func connect(
        _ pool: Int, for upstream: Int, redirect: PoolRedirect? = nil, redirects: UInt8 = 0, at now: Instant
    ) {
        dials &+= 1
        self[upstream, pool].restart(
            generation: dials, limit: seats[pool].pool.hasProxy ? Limits.poolConnect : startLimit(Limits.poolConnect),
            at: now)
        // Spreads the keepalives of upstreams with one silent pool; those of the first upstream are never early.
        self[upstream, pool].keepaliveLead = UInt8((UInt32(upstream) &* 0x9E37_79B9) >> 24)
        self[upstream, pool].redirect = redirect
        self[upstream, pool].redirects = redirects
        outbox.append(.dial(upstreams[upstream].connection(of: pool)))
    }

    // MARK: - Sessions

    mutating func consider(_ job: Job, from id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        switch self[upstream, pool].phase {
        case .idle, .pausing, .connecting, .draining:
            return
        case .loggingIn:
            self[upstream, pool].earlyJob = [job]
        case .awaitingJob:
            self[upstream, pool].phase = .active
            guard let rank = seats[pool].rank, upstreams[upstream].choice.succeeded(Int(rank), at: now) else {
                return dialWanted(upstream, at: now)
            }
            seats[pool].failureReports.recovered()
            outbox.append(.notice(.poolActive(id)))
            adopt(job, from: id, at: now)
            dialWanted(upstream, at: now)
        case .active:
            // The same work again: there is nothing to send to miners.
            if let current = upstreams[upstream].current, current.source == id, current.job.isSameWork(as: job) {
                self[upstream, pool].earlyJob = []
                return
            }
            if self[upstream, pool].jobs.isExceeded(Limits.jobBurst, at: now) {
                self[upstream, pool].earlyJob = [job]
            } else {
                adopt(job, from: id, at: now)
            }
        }
    }

    /// Adopts the newest job, when jobs came faster than miners get them.
    mutating func adoptEarlyJob(of id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        guard case .active = self[upstream, pool].phase,
            let job = self[upstream, pool].earlyJob.first
        else { return }
        adopt(job, from: id, at: now)
    }

    /// Adopts a new job and sends it to all miners of the upstream.
    private mutating func adopt(_ job: Job, from id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        self[upstream, pool].jobs.spend(Limits.jobInterval, at: now)
        self[upstream, pool].earlyJob = []
        let isReserved = isReserved(job, for: upstream, of: pool)
        upstreams[upstream].adopt(job, from: id, isReserved: isReserved, salt: secrets.next())
        upstreams[upstream].jobAt = now
        upstreams[upstream].lastPool = id.pool
        upstreams[upstream].serving = id.pool
        var displaced: [MinerID] = []
        if isReserved {
            if !seats[pool].hasSaidReserved { outbox.append(.notice(.poolReservesNonceByte(id))) }
            seats[pool].hasSaidReserved = true
            displaced = evictAllButOne(upstream)
        }
        if job.algorithm.isEmpty, !seats[pool].hasSaidNoAlgorithm {
            outbox.append(.notice(.jobsWithoutAlgorithm(id)))
            seats[pool].hasSaidNoAlgorithm = true
        }
        outbox.append(
            .notice(
                .newJob(
                    upstream: id.upstream, pool: id.pool, difficulty: job.difficulty, algorithm: job.algorithm,
                    height: job.height, miners: upstreams[upstream].space.ownedCount)))
        var owners: [MinerID] = []
        upstreams[upstream].space.forEachOwned { _, miner in owners.append(miner) }
        for miner in owners { giveJob(to: miner) }
        for miner in displaced { reassign(miner, at: now) }
    }

    /// Whether the pool reserves the nonce byte of the job: it says so, or has set the byte. A byte alone means nothing
    /// for a miner that has all nonces: it gets the job as it is, and the pool judges its shares.
    private mutating func isReserved(_ job: Job, for upstream: Int, of seat: Int) -> Bool {
        let saysSo = self[upstream, seat].hasNicehash
        let isReserved = saysSo || (job.nonceByte != 0 && !upstreams[upstream].space.isWhole)
        seats[seat].learn(isReserved: isReserved, saysSo: saysSo)
        return isReserved
    }

    /// Moves the miners of the emptiest upstream to the others when there are too many upstreams, so that it can be
    /// suspended.
    mutating func mergeUpstreams(at now: Instant) {
        guard policy.guardsPools, policy.mode == .nicehash, !expectsReserved else { return }
        var (open, owned, room) = (0, 0, 0)
        var emptiest: Int?
        for (index, upstream) in upstreams.enumerated() where upstream.space.ownedCount > 0 && !upstream.space.isWhole {
            guard upstream.activePool != nil, upstream.current?.isReserved == false else { return }
            open += 1
            owned += upstream.space.ownedCount
            room += upstream.space.freeCount
            if upstream.space.ownedCount < emptiest.map({ upstreams[$0].space.ownedCount }) ?? .max { emptiest = index }
        }
        guard open > Limits.upstreamsWanted(miners: owned), let emptiest else { return }
        room -= upstreams[emptiest].space.freeCount
        var movers: [(slot: UInt8, miner: MinerID)] = []
        upstreams[emptiest].space.forEachOwned { slot, miner in movers.append((slot, miner)) }
        guard room >= movers.count else { return }
        for mover in movers {
            upstreams[emptiest].space.release(mover.slot, wasSearched: true)
            reassign(
                mover.miner, where: { $0.space.ownedCount > 0 && Int($0.index) != emptiest }, avoiding: mover.slot,
                at: now)
            if let row = row(of: mover.miner) {
                miners[row].formerUpstream = UInt16(emptiest) + 1
                miners[row].formerSlot = mover.slot
            }
        }
        upstreams[emptiest].emptySince = now
    }

    /// A pool that reserves the nonce byte has room for one miner: the others lose their slots.
    private mutating func evictAllButOne(_ upstream: Int) -> [MinerID] {
        var owners: [(slot: UInt8, miner: MinerID)] = []
        upstreams[upstream].space.forEachOwned { slot, miner in owners.append((slot, miner)) }
        for owner in owners.dropFirst() { upstreams[upstream].space.release(owner.slot, wasSearched: true) }
        return owners.dropFirst().map(\.miner)
    }

    private mutating func reassign(
        _ id: MinerID, where isAllowed: (Upstream) -> Bool = { _ in true }, avoiding slot: UInt8? = nil,
        at now: Instant
    ) {
        guard place(id, where: isAllowed, avoiding: slot, at: now) else {
            outbox.append(.notice(.outOfUpstreams))
            return close(id, .noUpstream, at: now)
        }
        giveJob(to: id)
    }

    // MARK: - Ends

    /// The pool has failed: its shares are answered, it is retried later, and another one is tried now if there is one.
    mutating func fail(_ id: PoolConnectionID, _ failure: PoolFailure, at now: Instant) {
        guard isCurrent(id) else { return }
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        let wasDraining = if case .draining = self[upstream, pool].phase { true } else { false }
        letGo(of: id, at: now)
        guard !wasDraining, let rank = seats[pool].rank else { return dialWanted(upstream, at: now) }
        let bannedUntil = seats[pool].bannedUntil
        // A pool that is back must not get thousands of connections in one instant.
        let spread = UInt64(max(0, upstream - Limits.upstreamsWithoutSpread)) * Limits.retrySpread.count
        let pause = Milliseconds(policy.retryPause.count + spread)
        self[upstream, pool].phase = .pausing(until: max(now + pause, bannedUntil))
        report(failure, of: id, at: now)
        // A silent pool is not retried `retries` times: each attempt would take too long.
        let isSilent = failure == .connectTimeout || failure == .noAnswer
        let isOfNoUse = if case .rejectsShares = failure { true } else { false }
        upstreams[upstream].choice.failed(
            Int(rank), isRuledOut: isSilent || isOfNoUse || now < bannedUntil, isOfNoUse: isOfNoUse, at: now)
        dialWanted(upstream, at: now)
    }

    /// Closes the connection and deletes the session; shares in flight are answered.
    mutating func letGo(of id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        if self[upstream, pool].isConnected {
            endRecords(of: id)
            outbox.append(.hangUp(id))
        }
        if upstreams[upstream].serving == id.pool { upstreams[upstream].serving = nil }
        abandonShares(of: id, at: now)
        let generation = self[upstream, pool].generation
        self[upstream, pool] = PoolSession()
        self[upstream, pool].generation = generation
    }

    mutating func finishDraining(_ id: PoolConnectionID, at now: Instant) {
        if upstreams[Int(id.upstream)].isDrained(Int(id.pool)) { letGo(of: id, at: now) }
    }

    private mutating func report(_ failure: PoolFailure, of id: PoolConnectionID, at now: Instant) {
        let isRepeated = !seats[Int(id.pool)].failureReports.isNews(failure, at: now)
        outbox.append(.notice(.poolFailed(id, failure, isRepeated: isRepeated)))
    }

    /// False for an event of a connection that was given up meanwhile.
    func isCurrent(_ id: PoolConnectionID) -> Bool {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        guard upstream < upstreams.count, pool < upstreams[upstream].sessions.count else { return false }
        return self[upstream, pool].generation == id.generation
            && self[upstream, pool].isConnected
    }
}
