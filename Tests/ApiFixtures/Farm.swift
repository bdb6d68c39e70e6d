package import ApiDocuments
package import Control
package import Telemetry

extension ServiceView {
    /// The farm of `Snapshot.ofFarm` with its processes, pool connections and some of its miners: the examples of
    /// docs/API.md.
    package static var ofFarm: ServiceView {
        var view = ServiceView(snapshot: .ofWholeFarm, time: Snapshot.ofFarm.time + 400)
        view.status = .ofFarm
        view.miners = MinerRow.ofFarm
        view.snapshotNumber = 7
        view.timeNumber = 7
        return view
    }

    /// As long as neither the supervisor nor the collector has been heard.
    package static var ofNobody: ServiceView {
        var snapshot = Snapshot()
        snapshot.startedAt = Snapshot.ofFarm.startedAt
        return ServiceView(snapshot: snapshot, time: Snapshot.ofFarm.startedAt + 1_000)
    }
}

extension Snapshot {
    /// What later documents show of the farm besides.
    package static var ofWholeFarm: Snapshot {
        var snapshot = Snapshot.ofFarm
        var first = ShardRow(
            shard: 0, isLive: true, minersNow: 172, upstreams: UpstreamCounts(active: 4, sleeping: 1, error: 0),
            eventsLost: 0)
        first.connections = 175
        first.eventsReplayed = 12
        first.loopDelayMicroseconds = 1_250
        first.counters.accepted = 700
        first.counters.rejected = 2
        first.counters.invalid = 11
        first.counters.expired = 3
        first.counters.hashesTotal = 35_000_000
        first.counters.joined = 410
        var second = ShardRow(
            shard: 1, isLive: true, minersNow: 128, upstreams: UpstreamCounts(active: 3, sleeping: 0, error: 0),
            eventsLost: 2)
        second.connections = 128
        second.loopDelayMicroseconds = 90
        second.losesMinersOnCrash = true
        for reason in [ClosedConnections.Reason.http, .http, .flooding, .memory] { second.closed.count(reason) }
        second.counters.accepted = 504
        second.counters.rejected = 1
        second.counters.expired = 1
        second.counters.hashesTotal = 25_200_000
        second.counters.joined = 301
        for (result, count) in zip(HandshakeCounts.Result.allCases, [131, 4, 2, 0, 1]) {
            for _ in 0..<count { first.tls.handshakes.count(result) }
        }
        first.tls.handshakes.nanoseconds = 41_250_000
        first.tls.kept = 120
        first.tls.notKept = 3
        first.tls.certificateExpires = 1_799_971_200
        first.tls.certificateFingerprint = String(repeating: "7b1fa3c9", count: 8)
        second.tls.certificateExpires = first.tls.certificateExpires
        second.tls.certificateFingerprint = first.tls.certificateFingerprint
        snapshot.shards = [first, second]
        snapshot.openUpstreams = UpstreamRow.ofFarm(at: snapshot.time)
        snapshot.pools = ["pool.example.com:3333", "[2001:db8::7]:4444"]
        snapshot.shards[1].minersWaiting = 4
        snapshot.minersWaiting = 4
        snapshot.results.joined = 711
        snapshot.results.refusals[Int(RefusalReason.lowDifficulty.rawValue)] = 7
        snapshot.results.refusals[Int(RefusalReason.duplicate.rawValue)] = 4
        snapshot.results.refusals[Int(RefusalReason.pool.rawValue)] = 3
        snapshot.results.latencyPercentiles.p50 = 41
        snapshot.results.latencyPercentiles.p90 = 77
        snapshot.results.latencyPercentiles.p99 = 203
        snapshot.results.latencySumMilliseconds = 54_321
        snapshot.results.latencyCount = 1_204
        // Twenty minutes ago, so that the long windows reach back to it and the short ones do not.
        snapshot.results.lastLossAt = snapshot.time - 1_200_000
        snapshot.database.committedAt = snapshot.time - 350
        snapshot.workers[0].lastSeenAt = snapshot.time
        snapshot.workers[0].refusals[Int(RefusalReason.lowDifficulty.rawValue)] = 2
        snapshot.workers[0].refusals[Int(RefusalReason.pool.rawValue)] = 1
        snapshot.workers[0].hashrates.allTime = 2_384
        return snapshot
    }
}

extension Snapshot.UpstreamRow {
    fileprivate static func ofFarm(at time: UInt64) -> [Snapshot.UpstreamRow] {
        var busy = UpstreamGauge(id: 0, state: .active)
        busy.miners = 172
        busy.difficulty = 480_045
        busy.height = 3_301_442
        busy.loggedInAt = time - 86_000_000 + 1_200
        busy.jobAt = time - 42_000
        busy.accepted = 700
        busy.rejected = 2
        busy.inFlight = 1
        busy.tls = TLSCode(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384")
        let asleep = UpstreamGauge(id: 1, state: .sleeping)
        var backup = UpstreamGauge(id: 0, state: .error)
        backup.pool = 1
        backup.miners = 128
        backup.accepted = 504
        backup.rejected = 1
        return [
            .init(shard: 0, gauge: busy), .init(shard: 0, gauge: asleep), .init(shard: 1, gauge: backup),
        ]
    }
}

extension MinerRow {
    package static var ofFarm: [MinerRow] {
        func row(
            _ key: MinerKey, _ worker: String, shard: UInt16, ip: String, agent: String = "", user: String = "",
            rigID: String = "", sent: UInt64 = 0, received: UInt64 = 0, difficulty: UInt64 = 0, tls: TLSCode = .none
        ) -> MinerRow {
            MinerRow(
                miner: MinerJoined(
                    key: key, worker: worker, ip: ip, agent: agent, user: user, rigID: rigID, shard: shard),
                sentBytes: sent, receivedBytes: received, difficulty: difficulty, tls: tls)
        }
        return [
            row(
                7, "rack7-03", shard: 0, ip: "10.0.7.3", agent: "XMRig/6.26.0", user: "farm1", rigID: "rack7-03",
                sent: 51_200, received: 20_480, difficulty: 50_000,
                tls: TLSCode(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256")),
            row(9, "rack7-03", shard: 1, ip: "10.0.7.3", rigID: "rack7-03", sent: 5_120, received: 2_048),
            row(12, "farm2", shard: 1, ip: "2001:db8::12", agent: "XMRig/6.26.0", user: "farm2"),
        ]
    }
}

extension ServiceStatus {
    package static var ofFarm: ServiceStatus {
        let startedAt = Snapshot.ofFarm.startedAt
        func child(_ kind: ChildStatus.Kind, _ shard: Int? = nil, process: Int32, startedAt: UInt64) -> ChildStatus {
            var child = ChildStatus(kind: kind, shard: shard, state: .ready)
            child.processID = process
            child.startedAt = startedAt
            return child
        }
        var second = child(.shard, 1, process: 4_790, startedAt: startedAt + 84_800_000)
        second.restarts = 3
        second.restartCauses = ["SIGKILL": 1, "stalled": 2]
        second.lastDeath = "SIGKILL"
        var status = ServiceStatus(
            version: "0.1.0", processID: 4_711, startedAt: startedAt,
            children: [
                child(.collector, process: 4_712, startedAt: startedAt + 100),
                child(.shard, 0, process: 4_713, startedAt: startedAt + 200), second,
                child(.gateway, process: 4_715, startedAt: startedAt + 400),
            ],
            configuration: ConfigurationStatus(file: "/etc/millrace/config.json", loadedAt: startedAt))
        status.degradations = [
            DegradedStatus(
                process: "shard-1", reason: .crashSafety,
                text: "shard 1: crash safety: the state is not saved, miners reconnect if this process crashes")
        ]
        return status
    }
}

extension ServiceStatus {
    package static func of(shard state: ChildStatus.State) -> ServiceStatus {
        ServiceStatus(
            version: "1", processID: 1, startedAt: 1, children: [ChildStatus(kind: .shard, shard: 0, state: state)],
            configuration: ConfigurationStatus(file: nil, loadedAt: 1))
    }
}
