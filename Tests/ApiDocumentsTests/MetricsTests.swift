import ApiFixtures
import Control
import Foundation
import Telemetry
import Testing

@testable import ApiDocuments

@Suite struct MetricsTests {
    private func text(_ view: ServiceView, workersMax: Int = 0, peers: PeerFacts? = nil) -> String {
        String(
            decoding: Metrics.text(
                of: view, identity: .ofFarm, workersMax: workersMax, machine: .ofFarm, peers: peers),
            as: UTF8.self)
    }

    @Test func aFarm() throws {
        try Golden.expect(Array(text(.ofFarm, workersMax: 2, peers: .ofFarm).utf8.dropLast()), equals: "metrics.txt")
    }

    @Test func beforeTheFirstSnapshotNoCounterIsZero() {
        let text = text(.ofNobody, workersMax: 10)
        // The gateway's own counter begins with its process.
        let others = text.replacing("millrace_http_auth_failures_total", with: "")
        #expect(!others.contains("_total") && !text.contains("millrace_miners"))
        #expect(text.contains("millrace_supervisor_up 0\n"))
        #expect(text.contains("millrace_build_info{version=\"0.1.0\"} 1\n"))
    }

    @Test func aSummaryWithoutObservationsHasNoQuantiles() {
        var view = ServiceView.ofFarm
        view.snapshot.results.latencyCount = 0
        #expect(!text(view).contains("quantile"))
        #expect(text(view).contains("millrace_share_latency_seconds_count 0\n"))
    }

    @Test func workersAreShownOnlyWhenAskedForAndTheStrongestFirst() {
        #expect(!text(.ofFarm).contains("rack7-03"))
        let one = text(.ofFarm, workersMax: 1)
        #expect(one.contains(#"worker="rack7-03""#) && !one.contains("laptop"))
        #expect(text(.ofFarm, workersMax: 3).contains(#"worker="visitor""#))
    }

    @Test func twoAccountsAtOnePoolAreOneSeries() {
        var view = ServiceView.ofFarm
        view.snapshot.pools = ["a:1", "a:1"]
        let body = Metrics.text(of: view, identity: .ofFarm, workersMax: 0, machine: .ofFarm)
        let lines = String(decoding: body, as: UTF8.self).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("millrace_pool_miners") } == [#"millrace_pool_miners{pool="a:1"} 300"#])
    }

    @Test func aGuardedPoolAndMinersInQuarantineAreGauges() {
        var view = ServiceView.ofFarm
        view.snapshot.minersQuarantined = 3
        view.snapshot.pools = ["a:1", "b:2", "a:1"]
        view.snapshot.poolConditions = [PoolCondition(), PoolCondition(), PoolCondition()]
        view.snapshot.poolConditions[2].guardedAt = 7
        let lines = text(view).split(separator: "\n")
        #expect(lines.contains("millrace_miners_quarantined 3"))
        let guarded = lines.filter { $0.hasPrefix("millrace_pool_guarded") }
        #expect(guarded == [#"millrace_pool_guarded{pool="a:1"} 1"#, #"millrace_pool_guarded{pool="b:2"} 0"#])
    }

    @Test func plannedRestartsAreNoCrashes() {
        var view = ServiceView.ofFarm
        view.status?.children[1].restarts = 9
        view.status?.children[1].restartCauses = ["asked": 7, "exit 3": 2]
        #expect(text(view).contains("millrace_process_restarts_total{process=\"shard-0\"} 9\n"))
        #expect(text(view).contains("millrace_process_crashes_total{process=\"shard-0\"} 2\n"))
    }

    @Test func whereConnectionsAreNotKeptNothingIsSaidOfCrashSafety() {
        #expect(text(.ofFarm).contains("millrace_shard_crash_safe{shard=\"1\"} 0\n"))
        let body = Metrics.text(
            of: .ofFarm, identity: .ofFarm, workersMax: 0, keepsConnections: false, machine: .ofFarm)
        #expect(!String(decoding: body, as: UTF8.self).contains("millrace_shard_crash_safe"))
    }

    @Test func poolsAreRankedInTheOrderOfTheConfiguration() {
        var view = ServiceView.ofFarm
        view.snapshot.pools = ["z:1", "a:1", "z:1", "former:1"]
        let ranks = text(view).split(separator: "\n").filter { $0.hasPrefix("millrace_pool_rank") }
        #expect(
            ranks == [
                "millrace_pool_rank{pool=\"z:1\"} 1", "millrace_pool_rank{pool=\"a:1\"} 2",
                "millrace_pool_rank{pool=\"former:1\"} 3",
            ])
    }

    @Test func whoCannotBeHeardIsDown() {
        var view = ServiceView.ofFarm
        view.snapshot.shards[1].isLive = false
        view.status?.children[1].state = .failed
        let text = text(view)
        #expect(text.contains("millrace_shard_up{shard=\"1\"} 0\n"))
        #expect(text.contains("millrace_process_up{process=\"shard-0\"} 0\n"))
        #expect(text.contains("millrace_process_failed{process=\"shard-0\"} 1\n"))
    }

    @Test func aPlaceThatIsEmptyByWillIsNotDown() throws {
        var view = ServiceView.ofFarm
        view.snapshot.shards[1].isLive = false
        let index = try #require(view.status?.children.firstIndex { $0.shard == 1 })
        view.status?.children[index].state = .drained
        let drained = text(view)
        #expect(!drained.contains("shard=\"1\"") && !drained.contains("millrace_process_up{process=\"shard-1\"}"))
        #expect(drained.contains("millrace_process_restarts_total{process=\"shard-1\"} 3\n"))
        view.status?.children.remove(at: index)
        let gone = text(view)
        #expect(!gone.contains("shard=\"1\"") && !gone.contains("shard-1") && gone.contains("shard=\"0\""))
        // What they counted is in the totals.
        let shares = text(.ofFarm).split(separator: "\n").filter { $0.hasPrefix("millrace_shares_total") }
        #expect(!shares.isEmpty && shares.allSatisfy { gone.contains($0) })
    }

    @Test func whatIsDegradedHasAFixedSetOfReasonsAndNoTexts() throws {
        var view = ServiceView.ofFarm
        view.status?.degradations = [
            DegradedStatus(process: "collector", reason: .statistics, text: "collector: statistics: off: disk full"),
            DegradedStatus(process: "shard-0", reason: .other, text: "shard 0: flux capacitor: empty"),
            DegradedStatus(process: "shard-0", reason: .other, text: "shard 0: moon: in the wrong place"),
            DegradedStatus(process: "supervisor", reason: .restartHalted, text: "ended at shard 0"),
        ]
        let lines = text(view).split(separator: "\n").filter { $0.hasPrefix("millrace_degraded") }
        #expect(
            lines == [
                "millrace_degraded{process=\"supervisor\"} 1", "millrace_degraded{process=\"collector\"} 1",
                "millrace_degraded{process=\"shard-0\"} 2", "millrace_degraded{process=\"shard-1\"} 0",
                "millrace_degraded{process=\"gateway\"} 0",
                "millrace_degraded_reason{process=\"supervisor\",reason=\"restart_halted\"} 1",
                "millrace_degraded_reason{process=\"collector\",reason=\"statistics\"} 1",
                "millrace_degraded_reason{process=\"shard-0\",reason=\"other\"} 1",
            ])
        // A supervisor of a former version does not tell.
        view.status?.degradations = nil
        #expect(!text(view).contains("millrace_degraded"))
        let shards = String(decoding: CurrentDocuments.shards(of: view), as: UTF8.self)
        #expect(shards.contains("\"degraded\": null"))
    }

    private func tlsLines(_ view: ServiceView) -> [Substring] {
        text(view).split(separator: "\n").filter { $0.hasPrefix("millrace_tls_") }
    }

    @Test func theCertificateThatExpiresFirstCounts() {
        let name = "millrace_tls_certificate_expiry_timestamp_seconds"
        var view = ServiceView.ofFarm
        // A shard has not read the renewed file yet, and one has no certificate at all.
        for (expiries, expected) in [
            ([1_799_971_200, 1_799_971_199], "1799971199"), ([0, 5], "5"), ([7, 0], "7"), ([-3, 8], "8"),
            ([.max, 9], "9"), ([0, 0], nil), ([.min, 0], nil),
        ] as [([Int64], String?)] {
            for (index, expiry) in expiries.enumerated() { view.snapshot.shards[index].tls.certificateExpires = expiry }
            #expect(tlsLines(view).filter { $0.hasPrefix(name) } == expected.map { ["\(name) \($0)"] } ?? [])
        }
        view.snapshot.shards[0].tls.certificateExpires = .max
        #expect(tlsLines(view).contains { $0.hasPrefix(name) })
    }

    @Test func theTLSOfAShardThatIsNotHeardHasNoSamples() {
        var view = ServiceView.ofFarm
        view.snapshot.shards[0].isLive = false
        #expect(!tlsLines(view).isEmpty && !tlsLines(view).contains { $0.contains("shard=\"0\"") })
        view.snapshot.shards[1].isLive = false
        #expect(tlsLines(view) == [])
    }

    @Test func aRefusedConfigurationIsSeen() {
        #expect(text(.ofFarm).contains("millrace_config_last_reload_successful 1\n"))
        var view = ServiceView.ofFarm
        view.status?.configuration.lastRefusal = ["no"]
        #expect(text(view).contains("millrace_config_last_reload_successful 0\n"))
    }

    @Test(
        arguments: [
            (.whole(UInt64.max), "18446744073709551615"), (.fraction(0, digits: 3), "0"),
            (.fraction(5, digits: 3), "0.005"), (.fraction(1_250, digits: 6), "0.001250"),
            (.fraction(.max, digits: 3), "18446744073709551.615"), (.fraction(7_000, digits: 3), "7"),
            (.real(12.5), "12.5"), (.real(.nan), "0.0"), (.real(-.infinity), "0.0"), (.flag(true), "1"),
        ] as [(MetricsWriter.Value, String)])
    func values(value: MetricsWriter.Value, expected: String) {
        var metrics = MetricsWriter()
        metrics.family("m", .gauge, "h", value)
        #expect(String(decoding: metrics.bytes, as: UTF8.self) == "# HELP m h\n# TYPE m gauge\nm \(expected)\n")
    }

    @Test func labelsAreEscaped() {
        var metrics = MetricsWriter()
        metrics.family("m", .counter, "h") { $0.sample(1, ("a", "q\"b\\n\n\té"), ("b", "")) }
        let lines = String(decoding: metrics.bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.last == "m{a=\"q\\\"b\\\\n\\n\té\",b=\"\"} 1")
    }

    @Test func aFamilyWithoutSamplesLeavesNoTrace() {
        var metrics = MetricsWriter()
        metrics.family("m", .gauge, "h") { _ in }
        metrics.family("n", .gauge, "h", nil)
        #expect(metrics.bytes.isEmpty)
    }
}
