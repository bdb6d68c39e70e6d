internal import Secrets
internal import StratumProtocol

// How a pool answers a login: the operator's, or with `pass-login` a miner's.

extension Shard {
    mutating func loggedIn(_ login: PoolLogin, _ id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        guard case .loggingIn = self[upstream, pool].phase else { return }
        self[upstream, pool].phase = .awaitingJob(deadline: now + startLimit(Limits.poolAnswer))
        self[upstream, pool].loggedInAt = now
        upstreams[upstream].loginRefusals = 0
        self[upstream, pool].session = login.session
        self[upstream, pool].hasAlgo = login.hasAlgo
        self[upstream, pool].hasNicehash = login.hasNicehash
        self[upstream, pool].hasKeepalive = login.hasKeepalive
        let early = self[upstream, pool].earlyJob.first
        self[upstream, pool].earlyJob = []
        if let job = login.job ?? early { consider(job, from: id, at: now) }
    }

    mutating func loginRefused(_ text: String, _ id: PoolConnectionID, at now: Instant) {
        outbox.append(.poolError(text))
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        guard upstreams[upstream].login != nil else {
            return fail(id, RefusalMeaning(text) == .banned ? ban(id, text, at: now) : .loginRefused(text), at: now)
        }
        // It was a miner's login, so nothing follows for other miners. The other pools are tried for this one.
        letGo(of: id, at: now)
        upstreams[upstream].loginRefusals += 1
        let hasPool = upstreams[upstream].serving != nil
        if hasPool { upstreams[upstream].loginRefusals = 0 }
        if hasPool || Int(upstreams[upstream].loginRefusals) < policy.pools.count {
            self[upstream, pool].phase = .pausing(until: now + Limits.rest)
            if let rank = seats[pool].rank { upstreams[upstream].choice.failed(Int(rank), isRuledOut: true, at: now) }
            return dialWanted(upstream, at: now)
        }
        var owners: [MinerID] = []
        upstreams[upstream].space.forEachOwned { owners.append($1) }
        for owner in owners { refuseLogin(of: owner, text, at: now) }
        suspendUpstream(upstream, at: now)
    }

    /// Closes a miner whose own login no pool accepts. One that waits for the reply is told.
    private mutating func refuseLogin(of owner: MinerID, _ text: String, at now: Instant) {
        guard let row = row(of: owner) else { return }
        let words = words(for: text)
        if miners[row].phase == .awaitingJob {
            let requestID = loginRequestID(ofRow: row)
            send(to: owner) { MinerReply.refusal(text: words, id: requestID, to: &$0) }
        }
        close(owner, .poolRefusedLogin(words), at: now)
    }

    /// A pool may repeat the password of the miner whose login it got.
    func withoutPassword(_ text: String, of upstream: Int) -> String {
        guard upstream < upstreams.count, let password = upstreams[upstream].login?.password else { return text }
        return SecretMask([password]).masked(text)
    }
}
