internal import Telemetry

// The families with samples for each row of a list: shards, pools, workers.
extension Metrics {
    static func writeShards(_ shards: [Snapshot.ShardRow], into metrics: inout MetricsWriter) {
        func gauge(
            _ name: StaticString, _ help: StaticString, _ value: (Snapshot.ShardRow) -> MetricsWriter.Value
        ) {
            metrics.family(name, .gauge, help) {
                for row in shards { $0.sample(value(row), ("shard", String(row.shard))) }
            }
        }
        func counter(_ name: StaticString, _ help: StaticString, _ value: (Snapshot.ShardRow) -> UInt64) {
            metrics.family(name, .counter, help) {
                for row in shards { $0.sample(.whole(value(row)), ("shard", String(row.shard))) }
            }
        }
        gauge("millrace_shard_up", "1 if the collector receives heartbeats of the shard.") { .flag($0.isLive) }
        gauge("millrace_shard_miners", "Miners logged in to the shard.") { .whole($0.minersNow) }
        gauge("millrace_shard_connections", "TCP connections of miners to the shard.") { .whole($0.connections) }
        gauge("millrace_shard_loop_delay_seconds", "Longest delay of the shard's event loop in the last second.") {
            .fraction(UInt64($0.loopDelayMicroseconds), digits: 6)
        }
        metrics.family("millrace_shard_upstreams", .gauge, "Pool connections of the shard by state.") {
            for row in shards { $0.upstreams(row.upstreams, ("shard", String(row.shard))) }
        }
        metrics.family(
            "millrace_shard_shares_total", .counter, "Shares by shard and outcome; restarts do not reset it."
        ) {
            for row in shards {
                let shard: MetricsWriter.Label = ("shard", String(row.shard))
                $0.sample(.whole(row.counters.accepted), shard, ("outcome", "accepted"))
                $0.sample(.whole(row.counters.rejected), shard, ("outcome", "rejected"))
                $0.sample(.whole(row.counters.invalid), shard, ("outcome", "invalid"))
            }
        }
        counter("millrace_shard_hashes_total", "Sum of the pool difficulties of the shard's accepted shares.") {
            $0.counters.hashesTotal
        }
        counter("millrace_events_lost_total", "Events of the shard that the collector never received.") {
            $0.eventsLost
        }
        counter("millrace_events_replayed_total", "Events of the shard that were missed and then replayed on request.")
        {
            $0.eventsReplayed
        }
    }

    /// Only of live shards: each process of a shard counts from 0, which Prometheus takes for a reset.
    static func writeClosedConnections(_ shards: [Snapshot.ShardRow], into metrics: inout MetricsWriter) {
        metrics.family(
            "millrace_miner_connections_closed_total", .counter,
            "Miner connections that the shard's process closed or refused, by reason."
        ) {
            for row in shards where row.isLive {
                for reason in ClosedConnections.Reason.allCases {
                    $0.sample(.whole(row.closed[reason]), ("shard", String(row.shard)), ("reason", reason.name))
                }
            }
        }
    }

    /// Only of live shards, as above.
    static func writeTLS(_ shards: [Snapshot.ShardRow], into metrics: inout MetricsWriter) {
        let live = shards.filter(\.isLive)
        metrics.family(
            "millrace_tls_handshakes_total", .counter, "TLS handshakes of miners in the shard's process, by result."
        ) {
            for row in live {
                for result in HandshakeCounts.Result.allCases {
                    let count = row.tls.handshakes[result]
                    $0.sample(.whole(count), ("shard", String(row.shard)), ("result", result.name))
                }
            }
        }
        metrics.family(
            "millrace_tls_handshake_seconds_total", .counter, "Time that the shard's process spent on these handshakes."
        ) {
            for row in live {
                $0.sample(.fraction(row.tls.handshakes.nanoseconds, digits: 9), ("shard", String(row.shard)))
            }
        }
        metrics.family(
            "millrace_tls_connections", .gauge,
            "Miner connections with TLS, by whether they outlive the shard's process."
        ) {
            for row in live {
                $0.sample(.whole(row.tls.kept), ("shard", String(row.shard)), ("kept", "true"))
                $0.sample(.whole(row.tls.notKept), ("shard", String(row.shard)), ("kept", "false"))
            }
        }
        metrics.family(
            "millrace_tls_certificate_expiry_timestamp_seconds", .gauge,
            "Unix time at which the certificate for miners expires; absent without one.",
            live.compactMap(\.tls.certificateExpiresAt.nonZero).min().map { .milliseconds($0) })
    }

    static func writeCrashSafety(_ shards: [Snapshot.ShardRow], into metrics: inout MetricsWriter) {
        metrics.family(
            "millrace_shard_crash_safe", .gauge, "0 if a crash of the shard's process would disconnect its miners."
        ) {
            for row in shards where row.isLive {
                $0.sample(.flag(!row.losesMinersOnCrash), ("shard", String(row.shard)))
            }
        }
    }

    /// Pools of the same name (two accounts at one address) are one pool here: their samples would have equal labels.
    static func writePools(
        _ upstreams: [Snapshot.UpstreamRow], _ pools: [String], time: UInt64, into metrics: inout MetricsWriter
    ) {
        var names: [String] = []
        for name in pools where !names.contains(name) { names.append(name) }
        let known = upstreams.map(\.gauge).filter { pools.indices.contains(Int($0.pool)) }
        let gauges = names.map { name in (name, known.filter { pools[Int($0.pool)] == name }) }
        metrics.family("millrace_shares_in_flight", .gauge, "Shares that wait for a pool's answer.") {
            for (pool, gauges) in gauges {
                $0.sample(.whole(gauges.reduce(UInt64(0)) { $0 + UInt64($1.inFlight) }), ("pool", pool))
            }
        }
        metrics.family(
            "millrace_pool_upstreams", .gauge, "Pool connections by state and by the pool that they use or last used."
        ) {
            for (pool, gauges) in gauges {
                func count(_ state: UpstreamGauge.State) -> UInt32 { UInt32(gauges.count { $0.state == state }) }
                let counts = UpstreamCounts(active: count(.active), sleeping: count(.sleeping), error: count(.error))
                $0.upstreams(counts, ("pool", pool))
            }
        }
        metrics.family(
            "millrace_pool_rank", .gauge,
            "Position of the pool in the configured list, from 1; removed pools come last."
        ) {
            for (place, name) in names.enumerated() { $0.sample(.whole(UInt64(place + 1)), ("pool", name)) }
        }
        metrics.family("millrace_pool_miners", .gauge, "Miners that mine for the pool.") {
            for (pool, gauges) in gauges {
                $0.sample(.whole(gauges.reduce(UInt64(0)) { $0 + UInt64($1.miners) }), ("pool", pool))
            }
        }
        metrics.family("millrace_pool_height", .gauge, "Highest block height in the jobs of the pool.") {
            for (pool, gauges) in gauges {
                if let height = gauges.map(\.height).max()?.nonZero { $0.sample(.whole(height), ("pool", pool)) }
            }
        }
        metrics.family(
            "millrace_pool_job_age_seconds", .gauge,
            "Age of the oldest current job on the connections that are logged in."
        ) {
            for (pool, gauges) in gauges {
                let starts = gauges.filter { $0.state == .active }.compactMap(\.jobAt.nonZero)
                guard let oldest = starts.min() else { continue }
                $0.sample(.milliseconds(time > oldest ? time - oldest : 0), ("pool", pool))
            }
        }
    }

    static func writePoolConditions(
        _ pools: [String], _ conditions: [PoolCondition], into metrics: inout MetricsWriter
    ) {
        var names: [String] = []
        for name in pools where !names.contains(name) { names.append(name) }
        let guarded = zip(pools, conditions).filter { $0.1.guardedAt > 0 }.map(\.0)
        metrics.family(
            "millrace_pool_guarded", .gauge,
            "1 while the pool guard is on: only miners whose shares the pool accepts are forwarded."
        ) {
            for name in names { $0.sample(.flag(guarded.contains(name)), ("pool", name)) }
        }
    }

    /// Only the workers with the highest hashrates over ten minutes: each one has seven series.
    static func writeWorkers(_ snapshot: Snapshot, _ workersMax: Int, into metrics: inout MetricsWriter) {
        guard workersMax > 0 else { return }
        var best = ListQuery<WorkerColumn>()
        best.order = .init(column: .hashrate, isDescending: true)
        best.limit = workersMax
        // Prometheus takes a NUL for the end of the text, and a miner may send one in its name.
        let workers = best.selection(from: snapshot.workers).filter { !$0.name.utf8.contains(0) }
        metrics.family("millrace_worker_connections", .gauge, "Open connections of the worker.") {
            for row in workers { $0.sample(.whole(row.connections), ("worker", row.name)) }
        }
        metrics.family("millrace_worker_shares_total", .counter, "Shares of the worker by outcome.") {
            for row in workers {
                let worker: MetricsWriter.Label = ("worker", row.name)
                $0.sample(.whole(row.accepted), worker, ("outcome", "accepted"))
                $0.sample(.whole(row.rejected), worker, ("outcome", "rejected"))
                $0.sample(.whole(row.invalid), worker, ("outcome", "invalid"))
            }
        }
        metrics.family(
            "millrace_worker_hashes_total", .counter, "Sum of the credited difficulties of the worker's shares."
        ) {
            for row in workers { $0.sample(.whole(row.hashes), ("worker", row.name)) }
        }
        metrics.family(
            "millrace_worker_hashrate_hashes_per_second", .gauge, "Hashrate of the worker over ten minutes."
        ) {
            for row in workers { $0.sample(.real(row.hashrates.tenMinutes), ("worker", row.name)) }
        }
        metrics.family(
            "millrace_worker_last_share_timestamp_seconds", .gauge,
            "Unix time of the worker's last accepted share; absent before the first."
        ) {
            for row in workers {
                if let time = row.lastShareAt.nonZero { $0.sample(.milliseconds(time), ("worker", row.name)) }
            }
        }
    }
}

extension MetricsWriter {
    /// One sample for each state.
    mutating func upstreams(_ counts: UpstreamCounts, _ label: Label? = nil) {
        for (count, state) in [
            (counts.active, UpstreamGauge.State.active), (counts.sleeping, .sleeping), (counts.error, .error),
        ] {
            sample(.whole(count), (label.map { [$0] } ?? []) + [("state", state.name)])
        }
    }
}
