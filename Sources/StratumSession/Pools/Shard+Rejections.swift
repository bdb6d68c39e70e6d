internal import StratumProtocol

// A pool that rejects every share is of no use (`RejectionStreak`).

extension Shard {
    /// The pool has rejected a share.
    mutating func noteRejection(
        of share: ShareInFlight, _ meaning: RefusalMeaning, by connection: PoolConnectionID, at now: Instant
    ) {
        let seat = Int(connection.pool)
        // A late share says nothing about the pool.
        guard !share.isExpired, upstreams[Int(connection.upstream)].activePool == seat else { return }
        let isAboutShare = meaning == .request || meaning == .badShare
        seats[seat].streak.reject(
            isAboutShare ? keys(of: share) : nil, blamesMiner: meaning == .badShare, at: now)
    }

    private func keys(of share: ShareInFlight) -> (miner: UInt64, voice: UInt64)? {
        if let row = sender(of: share) { return keys(ofRow: row) }
        return leftOnTrial.first { $0.miner == share.minerKey }.map { ($0.record, $0.address) }
    }

    private func keys(ofRow row: Int) -> (miner: UInt64, voice: UInt64) {
        let miner = connectionStates[row].minerKey(salt: conductSalt)
        return (miner, miners[row].record.isProven ? miner : connectionStates[row].addressKey(salt: conductSalt))
    }

    /// Leaves a pool that rejects every share when another one may be better.
    mutating func leaveIfRejecting(_ seat: Int, at now: Instant) {
        let streak = seats[seat].streak
        guard seats[seat].rank != nil, streak.isEnough(guardsPools: policy.guardsPools, at: now) else { return }
        let hasBackup = hasBackup(for: seat, at: now)
        guard hasBackup || !streak.isTold, isAgreed(seat, at: now),
            let first = upstreams.firstIndex(where: { $0.activePool == seat })
        else { return }
        guard hasBackup else {
            seats[seat].streak.isTold = true
            return outbox.append(
                .notice(.poolRejects(upstreams[first].connection(of: seat), shares: Int(streak.count))))
        }
        seats[seat].streak = RejectionStreak(leftAt: now)
        // A later trial of the pool is judged without its earlier verdicts.
        seats[seat].verdicts = RecentVerdicts()
        for upstream in upstreams.indices where upstreams[upstream].activePool == seat {
            fail(upstreams[upstream].connection(of: seat), .rejectsShares(Int(streak.count)), at: now)
        }
        forgive(since: streak.since, at: now)
    }

    /// Whether another pool of the list was not left for the same reason lately. When all of them reject the shares,
    /// the miners are at fault, and trying every pool with them would get this proxy banned at all of them.
    private func hasBackup(for seat: Int, at now: Instant) -> Bool {
        seats.indices.contains { other in
            guard other != seat, seats[other].rank != nil, now >= seats[other].bannedUntil else { return false }
            return seats[other].streak.leftAt.map { now >= $0 + Limits.rejectionCounts } ?? true
        }
    }

    /// Whether the rejected shares are of enough miners: of all that use the pool, if these are few. At first all
    /// miners must agree, later only those that have submitted a share.
    private func isAgreed(_ seat: Int, at now: Instant) -> Bool {
        let streak = seats[seat].streak
        let wanted = streak.voicesWanted
        guard streak.miners.count > 0 else { return false }
        guard streak.miners.count < wanted || streak.voices.count < wanted else { return true }
        let isWaiting = now < streak.since + Limits.sayOfSilentMiners
        var (present, voices) = (FewKeys(), FewKeys())
        for row in miners.indices where miners[row].phase == .mining && (isWaiting || miners[row].hasSubmitted) {
            guard upstreams[Int(miners[row].upstream)].activePool == seat else { continue }
            let keys = keys(ofRow: row)
            present.insert(keys.miner)
            voices.insert(keys.voice)
            if streak.miners.count < min(present.count, wanted) || streak.voices.count < min(voices.count, wanted) {
                return false
            }
        }
        return true
    }

    /// Deletes the pool's verdicts against miners: the pool was at fault.
    private mutating func forgive(since: Instant, at now: Instant) {
        for row in miners.indices where miners[row].phase == .mining || miners[row].phase == .awaitingJob {
            let id = MinerID(index: UInt32(row), generation: miners[row].generation)
            if miners[row].record.forgive(since: since, at: now) {
                outbox.append(.notice(.quarantineLifted(id, isOfAddress: false)))
            }
            guard !conduct.isEmpty else { continue }
            let key = connectionStates[row].addressKey(salt: conductSalt)
            if var address = conduct.record(of: key, at: now), address.forgive(since: since, at: now) {
                conduct.remember(address, of: key, at: now)
                outbox.append(.notice(.quarantineLifted(id, isOfAddress: true)))
            }
        }
        conduct.forgive(since: since, at: now)
    }
}
