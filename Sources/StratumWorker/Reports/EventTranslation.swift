internal import DaemonKit
internal import Secrets
internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// Translates the decisions of the core into events of the bus.
struct EventTranslation {
    let shard: UInt16
    let naming: MinerNaming
    /// Pools may repeat secrets of the configuration.
    var secrets = SecretMask([])

    /// - Parameter introduction: the names that the miner gave at its login.
    func joined(_ introduction: MinerIntroduction, key: MinerKey) -> MinerJoined {
        MinerJoined(
            key: key, worker: naming.worker(of: introduction), ip: introduction.address,
            agent: introduction.agent ?? "", user: introduction.login, rigID: introduction.rigID ?? "", shard: shard)
    }

    /// The miner came from another shard, which has reported its login.
    func moved(_ introduction: MinerIntroduction, key: MinerKey) -> MinerJoined {
        var miner = joined(introduction, key: key)
        miner.hasMoved = true
        return miner
    }

    /// - Parameter time: milliseconds since 1970.
    func poolError(_ text: String, at time: UInt64) -> PoolError { PoolError(time: time, text: secrets.masked(text)) }

    /// - Parameter time: milliseconds since 1970.
    static func settled(_ share: SettledShare, at time: UInt64) -> ShareSettled {
        let (outcome, reason) = translate(share.outcome)
        return ShareSettled(
            miner: share.minerKey, time: time, outcome: outcome, reason: reason, isExpired: share.isExpired,
            difficulty: share.difficulty, creditedDifficulty: share.creditedDifficulty,
            actualDifficulty: share.actualDifficulty,
            latencyMicroseconds: UInt32(clamping: share.latencyMicroseconds), upstream: share.upstream,
            pool: share.pool)
    }

    static func translate(_ outcome: SettledShare.Outcome) -> (ShareOutcome, RefusalReason) {
        switch outcome {
        case .accepted: (.accepted, .none)
        case .rejected: (.rejected, .pool)
        case .poolLost: (.invalid, .poolLost)
        case .local: (.local, .none)
        case .invalid(let refusal): (.invalid, reason(refusal))
        }
    }

    private static func reason(_ refusal: MinerReply.Refusal) -> RefusalReason {
        switch refusal {
        case .lowDifficulty: .lowDifficulty
        case .invalidNonce: .invalidNonce
        case .staleShare: .staleJob
        case .wrongAlgorithm: .wrongAlgorithm
        case .duplicateShare, .tooManyShares: .duplicate
        case .quarantined, .poolGuarded, .banned, .badGateway, .invalidMethod, .unauthenticated, .permissionDenied,
            .invalidParams, .idTooLong:
            .badGateway
        }
    }

    /// The present counts of the shard.
    static func checkpoint(_ shard: borrowing Shard, at time: UInt64) -> Checkpoint {
        let upstreams = shard.upstreamCounts
        var checkpoint = Checkpoint()
        checkpoint.time = time
        checkpoint.minersNow = UInt32(clamping: shard.minersNow)
        checkpoint.connections = UInt32(clamping: shard.connections)
        checkpoint.upstreams = UpstreamCounts(
            active: UInt32(clamping: upstreams.active), sleeping: UInt32(clamping: upstreams.sleeping),
            error: UInt32(clamping: upstreams.error))
        return checkpoint
    }
}
