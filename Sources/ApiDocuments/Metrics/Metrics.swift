internal import Control
internal import Peers
internal import Telemetry

/// `/metrics`: the view in Prometheus's text format 0.0.4. docs/METRICS.md explains each metric.
///
/// A value that is unknown has no sample. In particular no counter is 0 before the first snapshot: Prometheus takes a
/// counter that falls to 0 for reset, and would count its next value a second time.
package enum Metrics {
    /// - Parameters:
    ///   - workersMax: workers with series of their own, those with the highest hashrates first; 0 = none.
    ///   - keepsConnections: whether shards are configured to be crash-safe.
    ///   - peers: nil if there is no table of addresses.
    package static func text(
        of view: ServiceView, identity: Identity, workersMax: Int, keepsConnections: Bool = true,
        machine: MachineReadings, refusedTokens: RefusedTokens = RefusedTokens(),
        peers: PeerFacts? = nil
    ) -> [UInt8] {
        var metrics = MetricsWriter(reserving: 16_384 + min(workersMax, view.snapshot.packedWorkers.count) * 1_024)
        writeService(view, identity, machine, into: &metrics)
        writeRefusedTokens(refusedTokens, into: &metrics)
        if let peers { writePeers(peers, into: &metrics) }
        if let snapshot = view.collected {
            writeShares(snapshot.results, into: &metrics)
            writeHashrates(snapshot, into: &metrics)
            writeMiners(snapshot, into: &metrics)
            writePools(snapshot.openUpstreams, snapshot.pools, time: view.time, into: &metrics)
            writePoolConditions(snapshot.pools, snapshot.poolConditions, into: &metrics)
            // A drained shard is not down, and a removed one does not exist.
            let shards = view.shards.filter { $0.process?.state != .drained }.compactMap(\.row)
            writeShards(shards, into: &metrics)
            writeClosedConnections(shards, into: &metrics)
            writeTLS(shards, into: &metrics)
            if keepsConnections { writeCrashSafety(shards, into: &metrics) }
            writeDatabase(snapshot.database, into: &metrics)
            writeWorkers(snapshot, workersMax, into: &metrics)
        }
        writeProcesses(view.status?.children ?? [], into: &metrics)
        if let status = view.status, let degradations = status.degradations {
            let names = ["supervisor"] + status.children.map(\.name)
            writeDegradations(degradations, of: names, into: &metrics)
        }
        return metrics.bytes
    }

    private static func writeService(
        _ view: ServiceView, _ identity: Identity, _ machine: MachineReadings, into metrics: inout MetricsWriter
    ) {
        metrics.family("millrace_build_info", .gauge, "Always 1; the label is the version of the gateway.") {
            $0.sample(1, ("version", identity.version))
        }
        metrics.family(
            "millrace_start_time_seconds", .gauge, "Unix time at which the service started.",
            view.snapshot.startedAt.nonZero.map { .milliseconds($0) })
        metrics.family(
            "millrace_resident_memory_bytes", .gauge,
            "Resident memory of all processes of the service; shared pages count once.",
            machine.serviceResident.nonZero.map { .whole($0) })
        metrics.family(
            "millrace_supervisor_up", .gauge, "1 if the supervisor answers the gateway.",
            .flag(view.status != nil))
        metrics.family(
            "millrace_snapshot_age_seconds", .gauge,
            "Age of the collector's latest snapshot; normally one or two seconds.",
            view.collected.map { .milliseconds(view.time > $0.time ? view.time - $0.time : 0) })
        let configuration = view.status?.configuration
        metrics.family(
            "millrace_config_loaded_timestamp_seconds", .gauge,
            "Unix time at which the configuration in force was read.",
            configuration.map { .milliseconds($0.loadedAt) })
        metrics.family(
            "millrace_config_last_reload_successful", .gauge,
            "0 if the last attempt to load another configuration was refused.",
            configuration.map { .flag($0.lastRefusal.isEmpty) })
    }

    private static func writeShares(_ results: Snapshot.Results, into metrics: inout MetricsWriter) {
        metrics.family("millrace_shares_total", .counter, "Shares by outcome.") {
            $0.sample(.whole(results.accepted), ("outcome", "accepted"))
            $0.sample(.whole(results.rejected), ("outcome", "rejected"))
            $0.sample(.whole(results.invalid), ("outcome", "invalid"))
        }
        metrics.family(
            "millrace_shares_expired_total", .counter,
            "Shares for the previous job; also counted by outcome.",
            .whole(results.expired))
        metrics.family("millrace_shares_refused_total", .counter, "Shares that were not accepted, by reason.") {
            for (reason, count) in zip(RefusalReason.allCases, results.refusals) where reason != .none {
                $0.sample(.whole(count), ("reason", reason.name))
            }
        }
        metrics.family(
            "millrace_hashes_total", .counter, "Sum of the pool difficulties of accepted shares.",
            .whole(results.hashesTotal))
        metrics.family(
            "millrace_share_latency_seconds", .summary, "Time from submitting an accepted share to the pool's answer."
        ) {
            if results.latencyCount > 0 {
                let percentiles = results.latencyPercentiles
                $0.sample(.milliseconds(UInt64(percentiles.p50)), ("quantile", "0.5"))
                $0.sample(.milliseconds(UInt64(percentiles.p90)), ("quantile", "0.9"))
                $0.sample(.milliseconds(UInt64(percentiles.p99)), ("quantile", "0.99"))
            }
            $0.sample(.milliseconds(results.latencySumMilliseconds), suffix: "_sum")
            $0.sample(.whole(results.latencyCount), suffix: "_count")
        }
        metrics.family(
            "millrace_last_loss_timestamp_seconds", .gauge,
            "Unix time of the latest event that is lost for good; absent if none is.",
            results.lastLossAt.nonZero.map { .milliseconds($0) })
    }

    private static func writeHashrates(_ snapshot: Snapshot, into metrics: inout MetricsWriter) {
        metrics.family(
            "millrace_hashrate_hashes_per_second", .gauge,
            "Accepted difficulty of the window divided by its length."
        ) {
            for span in HashrateSpan.allCases {
                $0.sample(.real(span.rate(in: snapshot.hashrates)), ("window", span.rawValue))
            }
        }
        metrics.family(
            "millrace_hashrate_incomplete", .gauge,
            "1 if events of the window are missing, so that its hashrate is too low."
        ) {
            for span in HashrateSpan.allCases {
                $0.sample(.flag(snapshot.isIncomplete(span)), ("window", span.rawValue))
            }
        }
    }

    private static func writeMiners(_ snapshot: Snapshot, into metrics: inout MetricsWriter) {
        metrics.family("millrace_miners", .gauge, "Miners that are logged in.", .whole(snapshot.minersNow))
        metrics.family(
            "millrace_miners_waiting", .gauge, "Miners that are logged in and wait for their first job.",
            .whole(snapshot.minersWaiting))
        metrics.family(
            "millrace_miners_quarantined", .gauge,
            "Miners whose shares are not forwarded, because the pool rejects them.",
            .whole(snapshot.minersQuarantined))
        metrics.family(
            "millrace_miners_peak", .gauge, "Highest number of miners logged in at one time.",
            .whole(snapshot.minersMax))
        metrics.family(
            "millrace_miners_joined_total", .counter, "Logins of miners.", .whole(snapshot.results.joined))
        metrics.family(
            "millrace_connections", .gauge, "TCP connections of miners, logged in or not.",
            .whole(snapshot.shards.reduce(UInt64(0)) { $0 + UInt64($1.connections) }))
        metrics.family(
            "millrace_workers", .gauge, "Workers in the table of workers.", .whole(UInt64(snapshot.packedWorkers.count))
        )
        metrics.family("millrace_upstreams", .gauge, "Pool connections by state.") {
            $0.upstreams(snapshot.upstreams)
        }
    }

    private static func writeDatabase(_ database: Snapshot.Database, into metrics: inout MetricsWriter) {
        metrics.family("millrace_database_state", .gauge, "1 for the current state of the database.") {
            for state in Snapshot.Database.State.allCases {
                $0.sample(.flag(state == database.state), ("state", state.name))
            }
        }
        metrics.family(
            "millrace_database_commit_timestamp_seconds", .gauge, "Unix time of the last commit.",
            database.committedAt.nonZero.map { .milliseconds($0) })
    }

    private static func writePeers(_ facts: PeerFacts, into metrics: inout MetricsWriter) {
        metrics.family(
            "millrace_connections_refused_total", .counter,
            "Connections refused because of their address, by reason."
        ) {
            for (reason, count) in zip(PeerRefusal.allCases, facts.refused) {
                $0.sample(.whole(count), ("reason", reason.name))
            }
        }
        metrics.family(
            "millrace_connections_not_refused_total", .counter,
            "Connections that would have been refused if millrace.limits were not a dry run, by reason."
        ) {
            for (reason, count) in zip(PeerRefusal.allCases, facts.notRefused) {
                $0.sample(.whole(count), ("reason", reason.name))
            }
        }
        metrics.family(
            "millrace_peers", .gauge, "Miner addresses in the table of addresses.", .whole(UInt64(facts.peers.count)))
        metrics.family("millrace_peers_banned", .gauge, "Banned addresses.", .whole(UInt64(facts.banned)))
        metrics.family(
            "millrace_peers_untracked_total", .counter,
            "Connections that were not tracked because the table of addresses was full.", .whole(facts.untracked))
    }

    private static func writeRefusedTokens(_ counts: RefusedTokens, into metrics: inout MetricsWriter) {
        metrics.family(
            "millrace_http_auth_failures_total", .counter, "API requests refused because of their token, by reason."
        ) {
            $0.sample(.whole(counts.missing), ("reason", "missing"))
            $0.sample(.whole(counts.wrong), ("reason", "wrong"))
            $0.sample(.whole(counts.throttled), ("reason", "throttled"))
        }
    }

    private static func writeDegradations(
        _ degradations: [DegradedStatus], of processes: [String], into metrics: inout MetricsWriter
    ) {
        metrics.family("millrace_degraded", .gauge, "Number of degradations of the process; 0 if it is healthy.") {
            for process in processes {
                $0.sample(.whole(UInt64(degradations.count { $0.process == process })), ("process", process))
            }
        }
        metrics.family(
            "millrace_degraded_reason", .gauge,
            "1 for each kind of degradation of the process; absent if there is none."
        ) {
            for process in processes {
                for reason in DegradedStatus.Reason.allCases
                where degradations.contains(where: { $0.process == process && $0.reason == reason }) {
                    $0.sample(1, ("process", process), ("reason", reason.rawValue))
                }
            }
        }
    }

    private static func writeProcesses(_ children: [ChildStatus], into metrics: inout MetricsWriter) {
        metrics.family("millrace_process_up", .gauge, "1 if the process is running and ready.") {
            for child in children where child.state != .drained {
                $0.sample(.flag(child.state == .ready), ("process", child.name))
            }
        }
        metrics.family("millrace_process_failed", .gauge, "1 if the process has failed and waits for its next attempt.")
        {
            for child in children { $0.sample(.flag(child.state == .failed), ("process", child.name)) }
        }
        metrics.family("millrace_process_restarts_total", .counter, "Restarts of the process, planned or not.") {
            for child in children { $0.sample(.whole(UInt64(clamping: child.restarts)), ("process", child.name)) }
        }
        metrics.family(
            "millrace_process_crashes_total", .counter, "Unplanned restarts of the process."
        ) {
            for child in children {
                let planned = child.restartCauses[ChildStatus.plannedCause] ?? 0
                $0.sample(.whole(UInt64(clamping: max(child.restarts - planned, 0))), ("process", child.name))
            }
        }
        metrics.family("millrace_process_restarts_by_cause_total", .counter, "Restarts of the process by cause.") {
            for child in children {
                for (cause, count) in child.causes {
                    $0.sample(.whole(UInt64(clamping: count)), ("process", child.name), ("cause", cause))
                }
            }
        }
        metrics.family(
            "millrace_process_start_time_seconds", .gauge, "Unix time at which the process was started."
        ) {
            for child in children {
                if let start = child.startedAt { $0.sample(.milliseconds(start), ("process", child.name)) }
            }
        }
    }
}

extension ChildStatus {
    /// "shard-0", "collector", "gateway".
    var name: String { shard.map { "\(kind.rawValue)-\($0)" } ?? kind.rawValue }

    /// In `restartCauses`: a restart, reload or upgrade.
    static let plannedCause = "asked"
}
