import Testing

@testable import StatsCollector
@testable import Telemetry

/// The line each `print-time` seconds, from snapshots and a clock of the test's own.
struct SummaryLineTests {
    private func snapshot(
        _ miners: UInt32 = 0, accepted: UInt64 = 0, rejected: UInt64 = 0, joined: UInt64 = 0, max: UInt32 = 0
    ) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.minersNow = miners
        snapshot.minersMax = max
        snapshot.results.accepted = accepted
        snapshot.results.rejected = rejected
        snapshot.results.joined = joined
        return snapshot
    }

    private func upstream(_ pool: UInt8, miners: UInt16, _ state: UpstreamGauge.State = .active) -> Snapshot.UpstreamRow
    {
        var gauge = UpstreamGauge(id: 0, state: state)
        gauge.pool = pool
        gauge.miners = miners
        return Snapshot.UpstreamRow(shard: 0, gauge: gauge)
    }

    /// What is written at each second of `snapshots`, by its number.
    private func lines(_ seconds: Int, every period: Int, _ snapshot: (Int) -> Snapshot) -> [Int: String] {
        var summary = SummaryLine(everySeconds: period, at: 0)
        var lines: [Int: String] = [:]
        for second in 0...seconds { lines[second] = summary.line(of: snapshot(second), at: UInt64(second) * 1_000) }
        return lines
    }

    @Test func theFieldsStandInTheOrderOfXmrigProxy() {
        let line = lines(60, every: 60) { second in
            guard second > 0 else { return snapshot(298, accepted: 1_147, rejected: 3, joined: 900) }
            var later = snapshot(300, accepted: 1_204, rejected: 3, joined: 904, max: 310)
            later.hashrates.oneMinute = 12_345.6
            later.upstreams.active = 7
            later.pools = ["pool.example:3333", "backup.example:443"]
            later.openUpstreams = [upstream(0, miners: 256), upstream(0, miners: 44)]
            return later
        }
        #expect(
            line == [
                60: "12.35 kH/s, shares: 1204/3 +57, upstreams: 7, miners: 300 (max 310) +4/-2, pool pool.example:3333"
            ])
    }

    @Test func minersWithoutAJobAreSaidBesideTheMiners() {
        let line = lines(5, every: 5) { _ in
            var snapshot = snapshot(0, max: 9)
            snapshot.minersWaiting = 5
            snapshot.upstreams.error = 1
            return snapshot
        }
        #expect(line[5] == "0.00 kH/s, shares: 0/0 +0, upstreams: 0, miners: 0 (+5 waiting) (max 9) +0/-0, no pool")
    }

    @Test(
        arguments: [
            ([(0, 200), (1, 100), (0, 3)], ", pools a:1 (203), b:2 (100)"), ([(1, 0)], ", pool b:2"), ([], ""),
            ([(0, 1), (1, 1), (2, 1), (3, 1)], ", 4 pools"), ([(255, 9), (2, 1)], ", pool c:3"),
        ] as [([(UInt8, UInt16)], String)])
    func poolsInUseAreNamedWhileTheyAreFew(_ used: [(UInt8, UInt16)], _ ending: String) throws {
        let line = lines(1, every: 1) { _ in
            var snapshot = snapshot(1)
            snapshot.pools = ["a:1", "b:2", "c:3", "d:4", "e:5"]
            snapshot.openUpstreams = used.map { upstream($0, miners: $1) } + [upstream(4, miners: 3, .error)]
            return snapshot
        }
        #expect(try #require(line[1]).hasSuffix("miners: 1 (max 0) +0/-0" + ending))
    }

    @Test func aServiceWithoutMinersSaysSoOnceAndAgainAfterAChange() {
        let lines = lines(60, every: 10) { second in
            switch second {
            case ..<25: snapshot()
            case 25..<35: snapshot(2, joined: 2)
            default: snapshot(0, accepted: 1, joined: 2)
            }
        }
        // 10 the first, 30 with miners, 40 they have left, 50 quiet again; nothing at 20 and 60.
        #expect(lines.keys.sorted() == [10, 30, 40, 50])
        #expect(lines[40] == "0.00 kH/s, shares: 1/0 +1, upstreams: 0, miners: 0 (max 0) +0/-2")
        #expect(lines[50]?.hasSuffix("+0/-0") == true)
    }

    @Test func aFarmThatDoesNothingNewStillHasItsLine() {
        #expect(lines(30, every: 10) { _ in snapshot(4) }.count == 3)
    }

    @Test func zeroIsNoLine() {
        #expect(lines(100, every: 0) { second in snapshot(UInt32(second)) }.isEmpty)
    }

    /// A collector that takes up miners of live shards hears of them without a login.
    @Test func minersThatWereTakenUpHaveNotLeft() {
        let lines = lines(2, every: 1) { second in snapshot(second == 0 ? 0 : 300, joined: 40) }
        #expect(lines[1]?.contains("+0/-0") == true)
    }

    @Test(arguments: [(59, 1.0), (60, 1.0), (599, 1.0), (600, 10.0), (3_599, 10.0), (3_600, 60.0)])
    func theHashrateIsThatOfTheLongestWindowWithinThePrintTime(_ period: Int, _ wanted: Double) throws {
        let line = lines(period, every: period) { _ in
            var snapshot = snapshot(1)
            snapshot.hashrates.oneMinute = 1_000
            snapshot.hashrates.tenMinutes = 10_000
            snapshot.hashrates.oneHour = 60_000
            return snapshot
        }
        #expect(try #require(line[period]).hasPrefix("\(Int(wanted)).00 kH/s"))
    }

    @Test(arguments: [
        (0, "0.00"), (4.9, "0.00"), (5, "0.01"), (1_005, "1.01"), (99_999, "100.00"), (1.5e9, "1500000.00"),
        (1e300, "10000000000000000.00"), (-7, "0.00"),
    ])
    func kilohashesHaveTwoDecimals(_ rate: Double, _ text: String) {
        #expect(SummaryLine.kilohashes(rate) == text)
    }
}
