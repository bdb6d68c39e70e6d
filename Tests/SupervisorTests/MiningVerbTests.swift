import Control
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Supervisor

/// The output of verbs for a snapshot of the collector.
struct MiningVerbTests {
    private static let now: UInt64 = 1_790_000_000_000

    private var farm: Snapshot {
        var snapshot = Snapshot()
        snapshot.time = Self.now
        snapshot.minersNow = 300
        snapshot.minersMax = 310
        snapshot.hashrates.oneMinute = 12_345
        snapshot.hashrates.tenMinutes = 12_000
        snapshot.results.accepted = 1_204
        snapshot.results.rejected = 3
        snapshot.results.invalid = 11
        snapshot.pools = ["first:1", "second:2", "third:3"]
        snapshot.openUpstreams = [
            upstream(0, .active, pool: 0, miners: 200, accepted: 900, jobAge: 12),
            upstream(1, .active, pool: 0, miners: 100, accepted: 301, jobAge: 75),
            upstream(2, .error, pool: 1, miners: 2, accepted: 3, jobAge: 500),
            upstream(3, .sleeping, pool: 0, miners: 0, accepted: 0, jobAge: 9_000),
            upstream(4, .active, pool: Snapshot.unknownPool, miners: 7, accepted: 7, jobAge: 1),
        ]
        return snapshot
    }

    private func upstream(
        _ id: UInt16, _ state: UpstreamGauge.State, pool: UInt8, miners: UInt16, accepted: UInt64, jobAge: UInt64
    ) -> Snapshot.UpstreamRow {
        var gauge = UpstreamGauge(id: id, state: state)
        gauge.pool = pool
        gauge.miners = miners
        gauge.accepted = accepted
        gauge.rejected = accepted / 300
        gauge.jobAt = Self.now - jobAge * 1_000
        return Snapshot.UpstreamRow(shard: 0, gauge: gauge)
    }

    // MARK: - Pools

    @Test func eachPoolHasItsConnectionsMinersSharesAndTheAgeOfItsOldestJob() {
        let pools = MiningReport(farm).pools
        #expect(pools.map(\.address) == ["first:1", "second:2", "third:3"])
        #expect(pools.map(\.isInUse) == [true, false, false])
        #expect(pools.map(\.active) == [2, 0, 0] && pools.map(\.error) == [0, 1, 0])
        #expect(pools.map(\.sleeping) == [1, 0, 0] && pools.map(\.miners) == [300, 2, 0])
        #expect(pools.map(\.accepted) == [1_201, 3, 0] && pools.map(\.rejected) == [4, 0, 0])
        #expect(pools.map(\.jobAge) == [75, nil, nil])
    }

    @Test func theTextSaysWhichPoolIsInUse() {
        #expect(
            MiningReport(farm).text(database: "/s/statistics.sqlite") == """
                hashrate: 12.35 kH/s (1 min), 12.00 (10 min), 0.00 (1 h), 0.00 (24 h)
                miners: 300, max 310
                shares: 1204 accepted, 3 rejected by pools, 11 refused here
                statistics: /s/statistics.sqlite, durable

                POOL      STATE    ACTIVE  ERROR  MINERS  ACCEPTED  REJECTED  JOB AGE
                first:1   in use   2       0      300     1201      4         1m 15s
                second:2  failing  0       1      2       3         0         -
                third:3   standby  0       0      0       0         0         -

                """)
    }

    @Test(arguments: [
        (UInt32(5), "connection refused", "5 tries"), (1, "login refused: \"bad wallet\"", "1 try"),
        (900, "no answer within 10 s", "900 tries"),
    ])
    func aFirstPoolThatCannotBeUsedIsFailingWithItsReason(_ failures: UInt32, _ reason: String, _ tries: String) {
        var snapshot = farm
        snapshot.openUpstreams = [upstream(0, .active, pool: 1, miners: 200, accepted: 900, jobAge: 12)]
        snapshot.poolConditions = [PoolCondition(), PoolCondition(), PoolCondition()]
        snapshot.poolConditions[0].failures = failures
        snapshot.poolConditions[0].reason = reason
        let text = MiningReport(snapshot).text()
        let rows = text.split(separator: "\n").filter { $0.contains(":") }.map { $0.split(separator: " ") }
        #expect(rows.contains { $0.prefix(2) == ["first:1", "failing"] })
        #expect(rows.contains { $0.prefix(3) == ["second:2", "in", "use"] })
        #expect(rows.contains { $0.prefix(2) == ["third:3", "standby"] })
        #expect(text.hasSuffix("\nfirst:1: \(reason), \(tries)\n"))
    }

    @Test func quarantineAndGuardAreShown() {
        var snapshot = farm
        snapshot.minersQuarantined = 2
        snapshot.poolConditions = [PoolCondition(), PoolCondition(), PoolCondition()]
        snapshot.poolConditions[0].guardedAt = Self.now - 125_000
        let text = MiningReport(snapshot).text()
        #expect(text.contains("miners: 300, max 310, 2 quarantined: the pool rejects their shares\n"))
        #expect(text.contains("\nfirst:1: pool guard on for 2m 5s: it rejects shares; only miners"))
        #expect(!MiningReport(farm).text().contains("quarantined"))
    }

    @Test(arguments: [
        (UInt64(130_000), "; running for 2m 10s: averages over longer include the time before the start\n"),
        (3_700_000, "; running for 1h 1m: averages over longer include the time before the start\n"),
        (86_400_000, "0.00 (24 h)\n"),
    ])
    func anAverageOverMoreThanTheServiceHasRunSaysSo(_ age: UInt64, _ end: String) {
        var snapshot = farm
        snapshot.startedAt = Self.now - age
        let line = MiningReport(snapshot).text().prefix { $0 != "\n" } + "\n"
        #expect(line.hasSuffix(end) && line.contains("running for") == (age < 86_400_000))
    }

    @Test(arguments: [
        (Snapshot.Database.State.durable, "", UInt64(2_000), "durable, committed 2s ago"),
        (.failing, "disk full", 300_000, "failing, disk full, committed 5m 0s ago"),
        (.off, "no permission", 0, "off, no permission"),
    ])
    func whereTheStatisticsAreAndWhetherTheyAreDurable(
        _ state: Snapshot.Database.State, _ message: String, _ age: UInt64, _ words: String
    ) {
        var snapshot = farm
        snapshot.database.state = state
        snapshot.database.message = message
        snapshot.database.committedAt = age > 0 ? Self.now - age : 0
        #expect(MiningReport(snapshot).text(database: "/s/s.sqlite").contains("statistics: /s/s.sqlite, \(words)\n"))
    }

    @Test func minersThatWaitAreNotZeroMiners() {
        var snapshot = Snapshot()
        snapshot.minersWaiting = 5
        snapshot.pools = ["a:1"]
        snapshot.openUpstreams = [upstream(0, .error, pool: 0, miners: 5, accepted: 0, jobAge: 1)]
        let text = MiningReport(snapshot).text()
        #expect(text.contains("miners: 0 (+5 waiting for a job), max 0\n"))
        #expect(text.contains("NO POOL is usable; the log says why\n"))
    }

    @Test func twoAccountsAtOnePoolAreOneRow() {
        var snapshot = farm
        snapshot.pools = ["a:1", "a:1"]
        #expect(MiningReport(snapshot).pools.map(\.miners) == [302])
    }

    @Test func theJSONOfStatusHasBoth() throws {
        let service = ServiceStatus(
            version: "1.2.3", processID: 7, startedAt: 5, children: [],
            configuration: ConfigurationStatus(file: nil, loadedAt: 5))
        func object(_ mining: MiningReport?) throws -> [String: Any] {
            let text = JSONLine.of(StatusDocument(service: service, mining: mining))
            return try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        }
        let full = try object(MiningReport(farm))
        #expect(full["version"] as? String == "1.2.3" && full["processID"] as? Int == 7)
        let mining = try #require(full["mining"] as? [String: Any])
        #expect((mining["miners"] as? [String: Any])?["now"] as? Int == 300)
        #expect(((mining["pools"] as? [[String: Any]])?.first?["isInUse"]) as? Bool == true)
        #expect(try object(nil)["mining"] == nil && object(nil)["version"] as? String == "1.2.3")
    }

    // MARK: - Workers

    private var crowd: Snapshot {
        func worker(
            _ name: String, connections: UInt32, rate: Double, share: UInt64, seen: UInt64
        ) -> Snapshot.WorkerRow {
            var row = Snapshot.WorkerRow(name: name, ip: "192.0.2.7")
            row.connections = connections
            row.hashrates.tenMinutes = rate
            row.lastShareAt = share
            row.lastSeenAt = seen
            row.accepted = 41
            return row
        }
        var snapshot = Snapshot()
        snapshot.time = Self.now
        snapshot.workers = [
            worker("rack9", connections: 2, rate: 3_000, share: Self.now - 20_000, seen: Self.now),
            worker("laptop", connections: 0, rate: 0, share: Self.now - 90_000_000, seen: Self.now - 7_380_000),
            worker("rack7", connections: 1, rate: 12_000, share: Self.now - 5_000, seen: Self.now),
            worker("idle", connections: 1, rate: 0, share: 0, seen: Self.now),
        ]
        snapshot.workers[2].rejected = 7
        snapshot.workers[3].rejected = 2
        return snapshot
    }

    @Test(arguments: [
        (WorkerList.Order.name, ["idle", "laptop", "rack7", "rack9"]),
        (.hashrate, ["rack7", "rack9", "idle", "laptop"]), (.last, ["idle", "laptop", "rack9", "rack7"]),
        (.rejected, ["rack7", "idle", "laptop", "rack9"]),
    ])
    func workersAreSorted(_ order: WorkerList.Order, _ names: [String]) {
        #expect(WorkerList(crowd, order: order).workers.map(\.name) == names)
    }

    @Test func onlyThoseWithoutAConnectionAreOffline() {
        let list = WorkerList(crowd, onlyOffline: true)
        #expect(list.workers.map(\.name) == ["laptop"])
        #expect(
            list.text(LocalTime(offset: 3_600)) == """
                WORKER  STATE                MINERS  KH/S 1M  10M   1H    ACCEPTED  REJECTED  REFUSED  LAST SHARE                   IP
                laptop  offline since 13:10  0       0.00     0.00  0.00  41        0         0        2026-09-20 14:13, 1d 1h ago  192.0.2.7

                4 workers, 1 offline

                """)
    }

    @Test func withoutWorkersThereIsJustTheCount() {
        #expect(WorkerList(Snapshot()).text == "0 workers, 0 offline\n")
    }

    @Test(arguments: [
        ("rack7", "rack7"), ("a\u{1b}[2Jb", "a?[2Jb"), ("x\ny\tz", "x?y?z"), ("\u{202e}kcar", "?kcar"),
        ("\u{9b}31m", "?31m"), (String(repeating: "w", count: 90), String(repeating: "w", count: 39) + "…"),
        ("räck ⛏", "räck ⛏"),
    ])
    func aNameOfAMinerCannotCommandTheTerminal(_ name: String, _ shown: String) {
        #expect(WorkerList.shown(name) == shown)
    }

    // MARK: - Readiness

    @Test(
        arguments: [
            ([(.ready, 1)], []), ([(.ready, 0), (.starting, nil), (.ready, 2)], []),
            ([(.ready, 0)], ["a session with a pool"]), ([(.ready, nil)], ["a session with a pool"]),
            ([(.draining, 3)], ["a shard that accepts miners"]),
            ([(.failed, nil), (.backoff, nil)], ["a shard that accepts miners", "a session with a pool"]),
            ([], ["a shard that accepts miners", "a session with a pool"]),
        ] as [([(ChildStatus.State, Int?)], [String])])
    func readyIsAShardThatAcceptsAndAPoolThatServes(_ shards: [(ChildStatus.State, Int?)], _ missing: [String]) {
        var children = [ChildStatus(kind: .collector, state: .ready), ChildStatus(kind: .gateway, state: .ready)]
        for (number, shard) in shards.enumerated() {
            var child = ChildStatus(kind: .shard, shard: number, state: shard.0)
            child.upstreams = shard.1
            children.append(child)
        }
        let status = ServiceStatus(
            version: "", processID: 1, startedAt: 0, children: children,
            configuration: ConfigurationStatus(file: nil, loadedAt: 0))
        #expect(status.missingForMiners == missing)
    }
}
