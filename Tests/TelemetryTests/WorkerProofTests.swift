import Testing

@testable import Telemetry

/// Names that strangers invent take no place from workers of which a pool has accepted a share.
@Suite struct WorkerProofTests {
    private let start = Sample.start
    private static let limits = WorkerTable.Limits(rows: 100, unproven: 20, unprovenOfAddress: 5, ofAddress: 30)

    private func moment(_ later: UInt64 = 0) -> Statistics.Moment {
        Statistics.Moment(time: start + later, monotonic: later)
    }

    private func fold(_ events: [ShardEvent] = []) -> Statistics {
        var statistics = Statistics(startedAt: start, shardCount: 1, workerLimits: Self.limits)
        statistics.hear([.epochBegan(Sample.epoch), .events(Sample.epoch, events[...])], from: 0, at: moment())
        return statistics
    }

    private func add(_ events: [ShardEvent], to statistics: inout Statistics, at later: UInt64 = 0) {
        statistics.hear([.events(Sample.epoch, events[...])], from: 0, at: moment(later))
    }

    private func rows(_ statistics: inout Statistics, at later: UInt64 = 0) -> [String: Snapshot.WorkerRow] {
        Dictionary(uniqueKeysWithValues: statistics.snapshot(at: moment(later)).workers.map { ($0.name, $0) })
    }

    private func join(_ key: MinerKey, _ name: String, from ip: String = "192.0.2.7") -> ShardEvent {
        .joined(Sample.joined(key, name, ip: ip))
    }

    private func share(_ outcome: ShareOutcome, _ miner: MinerKey) -> ShardEvent {
        var share = Sample.share(outcome, outcome == .rejected ? .pool : .none)
        share.miner = miner
        return .share(share)
    }

    @Test func inventedNamesOfOneAddressAreFewRowsAndNothingIsLost() {
        var statistics = fold((1...1_000).map { join($0, "invented \($0)") })
        add((1...1_000).flatMap { [share(.rejected, $0), share(.local, $0)] }, to: &statistics)
        let rows = rows(&statistics)
        #expect(rows.count == 6 && rows[WorkerTable.othersName]?.connections == 995)
        #expect(rows.values.reduce(0) { $0 + $1.rejected } == 1_000)
        #expect(rows.values.reduce(0) { $0 + $1.accepted } == 1_000)
        let snapshot = statistics.snapshot(at: moment())
        #expect(snapshot.results.rejected == 1_000 && snapshot.minersNow == 1_000 && snapshot.results.joined == 1_000)
    }

    @Test func inventedNamesOfManyAddressesAreBoundedToo() {
        var statistics = fold((1...1_000).map { join($0, "invented \($0)", from: "10.0.\($0 / 250).\($0 % 250)") })
        #expect(rows(&statistics).count == Self.limits.unproven + 1)
    }

    @Test func theFirstAcceptedShareGivesAWorkerItsOwnRow() throws {
        var statistics = fold((1...5).map { join($0, "invented \($0)") } + [join(6, "honest"), join(7, "honest")])
        #expect(rows(&statistics)["honest"] == nil)
        // Those that follow along know its name.
        #expect(statistics.liveMiners().map(\.worker).suffix(2) == ["honest", "honest"])
        add(
            [share(.rejected, 6), .share(Sample.accepted(6, difficulty: 70)), .share(Sample.accepted(6))],
            to: &statistics)
        var rows = rows(&statistics)
        #expect(rows["honest"]?.accepted == 2 && rows["honest"]?.connections == 1 && rows["honest"]?.hashes == 1_070)
        #expect(rows[WorkerTable.othersName]?.connections == 1 && rows[WorkerTable.othersName]?.rejected == 1)
        // Its other connection comes along with its own share, a new one at once.
        add([.share(Sample.accepted(7)), join(8, "honest"), .left(MinerLeft(key: 6))], to: &statistics)
        rows = self.rows(&statistics)
        #expect(rows["honest"]?.connections == 2 && rows["honest"]?.accepted == 3)
        #expect(rows[WorkerTable.othersName]?.connections == 0)
        let honest = statistics.liveMiners().filter { $0.worker == "honest" }
        #expect(honest.count == 2 && honest.allSatisfy { $0.user == "farm" && $0.rigID == "rack7" })
    }

    @Test func textsThatAreNamesSurviveTheMove() {
        // The rig's id is its name; another miner's is that of the row of the others.
        let named = MinerJoined(
            key: 6, worker: "rig", ip: "192.0.2.7", agent: "a", user: "(others)", rigID: "rig", shard: 0)
        var statistics = fold((1...5).map { join($0, "invented \($0)") } + [.joined(named)])
        #expect(statistics.liveMiners().last?.rigID == "rig" && statistics.liveMiners().last?.user == "(others)")
        add([.share(Sample.accepted(6))], to: &statistics)
        #expect(statistics.liveMiners().last?.rigID == "rig" && statistics.liveMiners().last?.user == "(others)")
    }

    @Test func aProvenWorkerMakesRoomForTheNextNameOfItsAddress() {
        var statistics = fold()
        for number in 1...40 as ClosedRange<UInt64> {
            add([join(number, "rig \(number)"), .share(Sample.accepted(number))], to: &statistics)
        }
        let rows = rows(&statistics)
        // So many names may an address have, and no more.
        #expect(rows.count == Self.limits.ofAddress + 1)
        #expect(rows[WorkerTable.othersName]?.accepted == 10)
        add([join(41, "elsewhere", from: "192.0.2.8"), .share(Sample.accepted(41))], to: &statistics)
        #expect(self.rows(&statistics)["elsewhere"]?.accepted == 1)
    }

    @Test func theNameOfTheOthersIsNobodysOwn() {
        var statistics = fold([join(1, WorkerTable.othersName), .share(Sample.accepted(1))])
        var rows = rows(&statistics)
        #expect(rows[WorkerTable.othersName] == nil && rows["others"]?.accepted == 1)
        add((2...9).map { join($0, "invented \($0)") } + [join(10, WorkerTable.othersName)], to: &statistics)
        rows = self.rows(&statistics)
        #expect(rows["others"]?.connections == 2 && rows[WorkerTable.othersName]?.connections == 3)
    }

    @Test func workersWithoutAnAcceptedShareAreForgottenSooner() {
        var statistics = fold([
            join(1, "proven"), .share(Sample.accepted(1)), join(2, "idle"), join(3, "local"), share(.local, 3),
            join(4, "connected"),
        ])
        add([1, 2, 3].map { .left(MinerLeft(key: $0)) }, to: &statistics, at: 1_000)
        statistics.forgetWorkers(unseenSince: start, unproven: start + 1_000)
        #expect(Set(rows(&statistics, at: 2_000).keys) == ["proven", "idle", "local", "connected"])
        statistics.forgetWorkers(unseenSince: start, unproven: start + 1_001)
        #expect(Set(rows(&statistics, at: 2_000).keys) == ["proven", "connected"])
        // Their places are free again.
        add((10...13).map { join($0, "next \($0)") } + [join(14, "late")], to: &statistics, at: 3_000)
        #expect(rows(&statistics, at: 3_000)["late"] == nil && rows(&statistics, at: 3_000)["next 13"] != nil)
    }

    @Test func whoIsProvenAndWhoClaimsANameOutlivesTheProcess() throws {
        var statistics = fold(
            (1...5).map { join($0, "invented \($0)") } + [share(.local, 1), .share(Sample.accepted(2)), join(6, "six")]
                + [join(7, "honest")])
        var stored = StoredStatistics()
        stored.commit(statistics.takeCheckpoint(positions: [nil], at: moment()))
        var restored = try stored.restored(shardCount: 1, at: moment(), limits: Self.limits)
        restored.hear([], from: 0, at: moment(1_000))
        for number in [0, 1] {
            var one = number == 0 ? statistics : restored
            // "six" has the place that "invented 2" has left; "honest" found none.
            #expect(one.snapshot(at: moment(1_000)).workers.map(\.name).suffix(2) == ["six", WorkerTable.othersName])
            add([.share(Sample.accepted(7)), .left(MinerLeft(key: 1)), .left(MinerLeft(key: 2))], to: &one, at: 1_000)
            one.forgetWorkers(unseenSince: start, unproven: start + 60_000)
            let rows = rows(&one, at: 1_000)
            #expect(rows["honest"]?.accepted == 1 && rows["honest"]?.connections == 1)
            #expect(rows["invented 1"] == nil && rows["invented 2"] != nil && rows["invented 3"] != nil)
        }
    }

    @Test func aRowSaysInOneWayOnlyWhetherItIsProven() throws {
        var statistics = fold([join(1, "local"), share(.local, 1), join(2, "b"), .share(Sample.accepted(2))])
        let saved = statistics.takeCheckpoint(positions: [nil], at: moment()).workers
        #expect(try saved.map { try WorkerTable.Row(restoring: $0).isProven } == [false, true])
        var wrong = saved[1]
        wrong.state.append(0)
        #expect(throws: DecodingFailure.self) { try WorkerTable.Row(restoring: wrong) }
        wrong = saved[0]
        wrong.accepted = 0
        #expect(throws: DecodingFailure.self) { try WorkerTable.Row(restoring: wrong) }
    }
}
