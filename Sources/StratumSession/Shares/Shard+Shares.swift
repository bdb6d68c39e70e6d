internal import Secrets
internal import StratumProtocol

extension Shard {
    /// Handles a share: checks it, then answers it or forwards it to the pool.
    mutating func submit(_ share: SubmitRequest, from id: MinerID, at now: Instant) {
        let row = Int(id.index)
        guard share.session == miners[row].session else {
            send(to: id) { MinerReply.refusal(.unauthenticated, id: share.id, to: &$0) }
            return outbox.append(.notice(.shareUnauthenticated(id)))
        }
        let upstream = place(of: share, row)
        miners[row].hasSubmitted = true
        if isQuarantined(row, at: now) {
            let difficulty = upstreams[upstream].current?.job.difficulty ?? 0
            let isBanned = isBanned(row, at: now)
            refuse(share, isBanned ? .banned : .quarantined, difficulty: difficulty, actual: 0, from: id)
            return isBanned ? close(id, .banned, at: now) : ()
        }
        let slot = upstream == Int(miners[row].upstream) ? miners[row].slot : miners[row].formerSlot
        switch upstreams[upstream].judge(share, of: miners[row], in: slot) {
        case .forward(let age, let nonce, let hash, let actual):
            guard isHandedOn(row, upstream, age, at: now) else {
                let difficulty = upstreams[upstream].label(of: age)?.difficulty ?? 0
                return refuse(share, .poolGuarded, difficulty: difficulty, actual: actual, from: id)
            }
            forward(share, age, upstream, nonce: nonce, hash: hash, actual: actual, from: id, at: now)
            if policy.guardsPools, !miners[row].record.isProven { pause(id, .verdict) }
        case .local(let poolDifficulty, let actual):
            miners[row].requests.refund(Milliseconds(RequestBudget.request.count - RequestBudget.localShare.count))
            send(to: id) { MinerReply.ok(id: share.id, to: &$0) }
            if policy.countsCustomDifficulty {
                settle(row, .local, difficulty: poolDifficulty, actual: actual)
            }
        case .localUncounted:
            send(to: id) { MinerReply.ok(id: share.id, to: &$0) }
        case .refuse(let refusal, let difficulty, let actual):
            refuse(share, refusal, difficulty: difficulty, actual: actual, from: id)
            if refusal == .invalidNonce { close(id, .notNicehashCapable, at: now) }
        }
    }

    /// The upstream whose job the share is for: the miner's, or the one that it was moved from.
    private func place(of share: SubmitRequest, _ row: Int) -> Int {
        let upstream = miners[row].upstream(forNonceByte: share.nonce.map { UInt8(truncatingIfNeeded: $0 >> 24) })
        return upstream < upstreams.count ? upstream : Int(miners[row].upstream)
    }

    private mutating func refuse(
        _ share: SubmitRequest, _ refusal: MinerReply.Refusal, difficulty: UInt64, actual: UInt64, from id: MinerID
    ) {
        send(to: id) { MinerReply.refusal(refusal, id: share.id, to: &$0) }
        settle(Int(id.index), .invalid(refusal), difficulty: difficulty, actual: actual)
    }

    private mutating func forward(
        _ share: SubmitRequest, _ age: JobAge, _ upstream: Int, nonce: UInt32, hash: InlineArray<32, UInt8>,
        actual: UInt64,
        from id: MinerID, at now: Instant
    ) {
        let row = Int(id.index)
        guard let pool = upstreams[upstream].session(for: age), let work = upstreams[upstream].label(of: age)
        else { preconditionFailure("a share was judged good without a job or a pool") }
        let requestID = self[upstream, pool].takeRequestID()
        self[upstream, pool].inFlight.insert(
            ShareInFlight(
                requestID: requestID, miner: id, minerKey: miners[row].key, minerRequestID: share.id, sentAt: now,
                difficulty: work.difficulty, creditedDifficulty: credited(row, at: work.difficulty),
                actualDifficulty: actual, isExpired: age == .previous))
        self[upstream, pool].lastSentAt = now
        var forwarded = ForwardedShare(jobID: work.jobID, nonce: nonce, hash: hash)
        forwarded.signature = share.signature
        forwarded.commitment = share.commitment
        let session = self[upstream, pool].session
        let algorithm = self[upstream, pool].hasAlgo ? work.algorithm : nil
        send(to: upstreams[upstream].connection(of: pool)) {
            PoolRequest.submit(id: requestID, session: session, share: forwarded, algorithm: algorithm, to: &$0)
        }
    }

    /// A pool's text for miners, with passwords masked: the pool may repeat them.
    func words(for text: String) -> String {
        SecretMask(policy.pools.map(\.password) + [policy.accessPassword].compactMap(\.self)).masked(text)
    }

    /// The pool has answered a request. Answers to other requests than shares are not sent to miners.
    mutating func answered(
        _ requestID: Int64, refusal: (text: String, meaning: RefusalMeaning)?, by connection: PoolConnectionID,
        at now: Instant
    ) {
        let upstream = Int(connection.upstream)
        let pool = Int(connection.pool)
        if requestID == self[upstream, pool].keepaliveRequestID {
            self[upstream, pool].keepaliveSentAt = nil
            self[upstream, pool].answersKeepalives = true
        }
        guard let share = self[upstream, pool].inFlight.remove(requestID: requestID) else { return }
        if row(of: share.miner) != nil {
            let relayed = refusal.flatMap { $0.meaning.relayedAs == nil ? words(for: $0.text) : nil }
            send(to: share.miner) { buffer in
                if let words = refusal?.meaning.relayedAs {
                    MinerReply.refusal(words, id: share.minerRequestID, to: &buffer)
                } else if let relayed {
                    MinerReply.refusal(text: relayed, id: share.minerRequestID, to: &buffer)
                } else {
                    MinerReply.ok(id: share.minerRequestID, to: &buffer)
                }
            }
        }
        if refusal == nil {
            upstreams[upstream].accepted += 1
            poolIsUseful(connection)
        } else {
            upstreams[upstream].rejected += 1
        }
        settle(share, refusal == nil ? .accepted : .rejected, by: connection, at: now)
        if let refusal {
            outbox.append(.poolError(refusal.text))
            outbox.append(
                .notice(
                    .shareRejected(
                        share.miner, connection, text: refusal.text, difficulty: share.difficulty,
                        latencyMicroseconds: now.microseconds(since: share.sentAt))))
        }
        learn(from: share, refusal?.meaning, by: connection, at: now)
    }

    /// The pool connection is lost: its shares are refused.
    mutating func abandonShares(of connection: PoolConnectionID, at now: Instant) {
        let shares = self[connection].inFlight.removeAll()
        for share in shares {
            if row(of: share.miner) != nil {
                send(to: share.miner) { MinerReply.refusal(.badGateway, id: share.minerRequestID, to: &$0) }
            }
            settle(share, .poolLost, by: connection, at: now)
            endTrial(of: share)
        }
    }

    /// Reports the outcome of a share that was sent to the pool.
    private mutating func settle(
        _ share: ShareInFlight, _ outcome: SettledShare.Outcome, by connection: PoolConnectionID, at now: Instant
    ) {
        outbox.append(
            .settled(
                SettledShare(
                    miner: share.miner, minerKey: share.minerKey, outcome: outcome, isExpired: share.isExpired,
                    difficulty: share.difficulty, creditedDifficulty: share.creditedDifficulty,
                    actualDifficulty: share.actualDifficulty,
                    latencyMicroseconds: now.microseconds(since: share.sentAt),
                    upstream: connection.upstream, pool: reportedRank(ofSeat: Int(connection.pool)))))
    }

    /// Reports the outcome of a share that was not sent to the pool.
    private mutating func settle(
        _ row: Int, _ outcome: SettledShare.Outcome, difficulty: UInt64, actual: UInt64
    ) {
        let upstream = miners[row].upstream
        outbox.append(
            .settled(
                SettledShare(
                    miner: MinerID(index: UInt32(row), generation: miners[row].generation),
                    minerKey: miners[row].key, outcome: outcome, isExpired: false, difficulty: difficulty,
                    creditedDifficulty: credited(row, at: difficulty), actualDifficulty: actual,
                    latencyMicroseconds: 0, upstream: upstream,
                    pool: upstreams[Int(upstream)].activePool.map { reportedRank(ofSeat: $0) } ?? 0)))
    }

    private func credited(_ row: Int, at poolDifficulty: UInt64) -> UInt64 {
        policy.countsCustomDifficulty ? miners[row].difficulty(atPoolDifficulty: poolDifficulty) : poolDifficulty
    }
}
