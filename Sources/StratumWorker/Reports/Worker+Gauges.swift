internal import Certificates
internal import DaemonKit
internal import Secrets
internal import StratumSession
internal import TLSHandshake
internal import Telemetry

// The state that a worker reports in addition to its events.

extension Worker {
    /// Reports all upstreams, the miners that have just joined, and a slice of the others.
    func tellGauges() {
        let every = ShardGauges.minersEverySeconds
        let slice = stride(from: seconds % every, to: miners.rowCount, by: every)
        let newcomers = reporter.takeNewcomers().filter { Int($0.index) % every != seconds % every }
        seconds += 1
        let gauges =
            newcomers.compactMap { gauge(of: $0) }
            + slice.compactMap { row in miners.connection(inRow: row).flatMap { gauge(of: $0.id) } }
        reporter.gauges(
            shard, gauges, conditions: poolConditions, closed: miners.closed, tls: tlsFigures,
            loopDelay: loopDelay.takeWorst(), isCrashSafe: isCrashSafe, now: now)
    }

    /// nil when it is gone.
    private func gauge(of id: MinerID) -> MinerGauge? {
        guard let key = shard.joinedKey(of: id), let traffic = shard.traffic(of: id) else { return nil }
        return MinerGauge(
            key: key, sentBytes: traffic.sent, receivedBytes: traffic.received,
            difficulty: shard.difficulty(of: id) ?? 0, tls: TLSCode(shard.tls(of: id)))
    }

    private var tlsFigures: TLSFigures {
        var figures = TLSFigures()
        figures.handshakes = handshakes.counts
        (figures.kept, figures.notKept) = miners.tls
        if let certificate = certificate.context?.certificate {
            figures.certificateExpires = certificate.expires
            figures.certificateFingerprint = certificate.fingerprint
        }
        return figures
    }

    /// In the order of the shard's directory of pools.
    private var poolConditions: [PoolCondition] {
        zip(shard.poolDirectory, shard.poolGuards).map { pool, guarded in
            var condition = PoolCondition()
            if let guarded { condition.guardedAt = UpstreamGauge.timeOfDay(guarded, at: now, WallClock.milliseconds()) }
            guard let failures = news.outlook.failures(of: pool) else { return condition }
            condition.failures = UInt32(clamping: failures.tries)
            // A pool may repeat secrets of the configuration, and its text may contain control characters.
            let reason = translation.secrets.masked(failures.reason).unicodeScalars
                .map { $0.properties.generalCategory == .control ? "?" : Character($0) }
            condition.reason = String(reason)
            return condition
        }
    }

    /// Called once a second. Reports whether the first pool is used.
    func noteLimitation() {
        let directory = shard.poolDirectory
        var used: [String] = []
        for view in shard.upstreamViews where view.state == .active && Int(view.pool) < directory.count {
            if !used.contains(directory[Int(view.pool)]) { used.append(directory[Int(view.pool)]) }
        }
        let counts = shard.upstreamCounts
        let text = news.outlook.limitation(used: used, isNeeded: counts.active + counts.error > 0)
        Degradation.set("pools", text.map(translation.secrets.masked))
    }

    /// All logged-in miners.
    var joinedMiners: [MinerJoined] {
        miners.all.compactMap { connection in
            guard let key = shard.joinedKey(of: connection.id),
                let introduction = shard.introduction(of: connection.id)
            else { return nil }
            return translation.joined(introduction, key: key)
        }
    }
}
