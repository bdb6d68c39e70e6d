@testable import Telemetry

enum Sample {
    static let epoch = Epoch(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)
    /// 2026-11-22, in milliseconds; a multiple of every bucket's width.
    static let start: UInt64 = 1_795_305_600_000

    static func accepted(_ miner: MinerKey = 1, difficulty: UInt64 = 1_000, at time: UInt64 = start) -> ShareSettled {
        ShareSettled(
            miner: miner, time: time, outcome: .accepted, difficulty: difficulty, creditedDifficulty: difficulty,
            actualDifficulty: difficulty &* 3, latencyMicroseconds: 86_400)
    }

    static func share(_ outcome: ShareOutcome, _ reason: RefusalReason, expired: Bool = false) -> ShareSettled {
        ShareSettled(
            miner: 1, time: start, outcome: outcome, reason: reason, isExpired: expired, difficulty: 1_000,
            creditedDifficulty: 500, actualDifficulty: 700)
    }

    static func joined(_ key: MinerKey, _ worker: String? = "rig", ip: String = "192.0.2.7") -> MinerJoined {
        MinerJoined(key: key, worker: worker, ip: ip, agent: "XMRig/6.26.0", user: "farm", rigID: "rack7", shard: 2)
    }

    static var checkpoint: Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.time = start
        checkpoint.minersNow = 1
        checkpoint.connections = 2
        checkpoint.upstreams = UpstreamCounts(active: 3, sleeping: 4, error: 5)
        checkpoint.counters.accepted = 6
        checkpoint.counters.rejected = 7
        checkpoint.counters.invalid = 8
        checkpoint.counters.expired = 9
        checkpoint.counters.hashesTotal = 10
        checkpoint.counters.joined = 11
        return checkpoint
    }

    static var gauges: ShardGauges {
        var upstream = UpstreamGauge(id: 0x0102, state: .error)
        upstream.pool = 3
        upstream.miners = 0x0405
        upstream.difficulty = 6
        upstream.height = 7
        upstream.loggedInAt = 8
        upstream.jobAt = 9
        upstream.accepted = 10
        upstream.rejected = 11
        upstream.inFlight = 12
        let miner = MinerGauge(key: 13, sentBytes: 14, receivedBytes: 15, difficulty: 16)
        var gauges = ShardGauges(
            shard: 7, epoch: epoch, time: start, loopDelayMicroseconds: 17, upstreams: [upstream], miners: [miner])
        gauges.minersWaiting = 18
        gauges.pools = ["pool.example:3333", "", "[2001:db8::1]:1"]
        return gauges
    }

    /// The first pool fails, the second one is guarded, and miners are in quarantine.
    static var gaugesOfTrouble: ShardGauges {
        var gauges = gauges
        gauges.minersQuarantined = 19
        gauges.poolConditions = [PoolCondition(), PoolCondition(), PoolCondition()]
        gauges.poolConditions[0].failures = 20
        gauges.poolConditions[0].reason = "connexion refusée"
        gauges.poolConditions[1].guardedAt = 21
        gauges.closed.count(.idleTimeout)
        gauges.closed.count(.memory)
        return gauges
    }

    /// Miners with and without TLS, and every figure of it.
    static var gaugesOfTLS: ShardGauges {
        var gauges = gaugesOfTrouble
        for (index, result) in HandshakeCounts.Result.allCases.enumerated() {
            for _ in 0...index { gauges.tls.handshakes.count(result) }
        }
        gauges.tls.handshakes.nanoseconds = 22
        gauges.tls.kept = 23
        gauges.tls.notKept = 24
        gauges.tls.certificateExpires = 25
        gauges.tls.certificateFingerprint = "26ab"
        gauges.upstreams[0].tls = TLSCode(rawValue: 2)
        for code: UInt8 in [1, 0, 13, 200] {
            gauges.miners.append(
                MinerGauge(
                    key: UInt64(code) + 30, sentBytes: 27, receivedBytes: 28, difficulty: 29,
                    tls: TLSCode(rawValue: code)))
        }
        return gauges
    }

    /// One of everything, with the odd cases of texts.
    static let events: [ShardEvent] = [
        .joined(joined(1)), .joined(joined(2, nil, ip: "")), .joined(joined(3, "")), .joined(joined(.max, "пул ⛏️")),
        .left(MinerLeft(key: 2)), .share(accepted()), .share(share(.rejected, .pool, expired: true)),
        .share(share(.invalid, .staleJob)), .share(share(.local, .none)),
        .poolError(PoolError(time: start, text: "Low difficulty share")), .poolError(PoolError(time: 0, text: "")),
        .checkpoint(checkpoint),
    ]

    static func frame(first: UInt64 = 0, _ events: [ShardEvent] = events, epoch: Epoch = epoch) -> EventFrame {
        EventFrame(shard: 0, epoch: epoch, first: first, events: events)
    }
}

extension EventLog {
    mutating func append(_ event: ShardEvent) {
        switch event {
        case .joined(let joined): append(joined)
        case .left(let left): append(left)
        case .share(let share): append(share)
        case .poolError(let error): append(error)
        case .checkpoint(let checkpoint): append(checkpoint)
        }
    }
}
