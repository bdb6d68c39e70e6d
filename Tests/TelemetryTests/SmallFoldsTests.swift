import TestSupport
import Testing

@testable import Telemetry

struct LatencyMedianTests {
    private func median(_ milliseconds: [UInt32]) -> LatencyMedian {
        var latency = LatencyMedian()
        for value in milliseconds { latency.add(microseconds: value * 1_000 + 999) }
        return latency
    }

    @Test func withoutSharesItIsZero() {
        #expect(median([]).median == 0)
        #expect(median([]).percentile(99) == 0)
    }

    @Test func anOddCountHasItsMiddleAndAnEvenOneTheUpperOfTwo() {
        #expect(median([30, 10, 20]).median == 20)
        #expect(median([40, 10, 30, 20]).median == 30)
        #expect(median([86]).median == 86)
    }

    @Test func itAgreesWithSorting() {
        var generator = SeededGenerator(seed: 3)
        for count in 1..<60 {
            let values = (0..<count).map { _ in UInt32.random(in: 0...300, using: &generator) }
            let sorted = values.sorted()
            #expect(median(values).median == sorted[count / 2])
            #expect(median(values).percentile(90) == sorted[(count * 90 + 99) / 100 - 1])
            #expect(median(values).percentile(100) == sorted[count - 1])
        }
    }

    @Test func slowAnswersAreClamped() {
        var latency = LatencyMedian()
        latency.add(microseconds: .max)
        #expect(latency.median == 65_535)
    }
}

struct BestSharesTests {
    @Test func theTenLargestStandInFallingOrder() {
        var generator = SeededGenerator(seed: 4)
        var best = BestShares()
        var all: [UInt64] = []
        #expect(best.values == Array(repeating: 0, count: 10))
        for _ in 0..<500 {
            let value = UInt64.random(in: 0...200, using: &generator)
            all.append(value)
            best.offer(value)
            let expected = all.sorted(by: >).prefix(10)
            #expect(best.values == Array(expected) + Array(repeating: 0, count: 10 - expected.count))
        }
    }
}

struct ErrorLogTests {
    @Test func theNewestTextComesFirstAndRepeatsAreCounted() {
        var log = ErrorLog()
        for text in ["a", "b", "a", "c"] { log.add(text) }
        #expect(log.entries.map(\.text) == ["c", "a", "b"])
        #expect(log.entries.map(\.count) == [1, 2, 1])
    }

    @Test func onlyTheLatestTextsAreKept() {
        var log = ErrorLog()
        for number in 0..<1_000 { log.add("error \(number)") }
        #expect(log.entries.count == ErrorLog.entriesMax)
        #expect(log.entries.first?.text == "error 999")
    }
}

struct WorkerTableTests {
    @Test func rowsStandInTheOrderOfFirstAppearance() {
        var table = WorkerTable()
        #expect(["b", "a", "b", "c"].map { table.index(of: $0) } == [0, 1, 0, 2])
        #expect(table.rows.map(\.name) == ["b", "a", "c"])
    }

    @Test func workersBeyondTheLimitShareARow() {
        var table = WorkerTable(.init(rows: 3))
        #expect(["a", "b", "c", "d", "a"].map { table.index(of: $0) } == [0, 1, 2, 2, 0])
        #expect(table.rows.map(\.name) == ["a", "b", WorkerTable.othersName])
    }

    @Test func connectionsNeverGoBelowNone() {
        var table = WorkerTable()
        let index = table.index(of: "a")
        table.left(index, at: 0)
        #expect(table.rows[index].connections == 0)
    }
}

struct ShardMinersTests {
    private func join(_ key: MinerKey, _ miners: inout ShardMiners, row: Int32 = 7) {
        let place = ShardMiners.Place(key: key + 100, row: row)
        var pool = MinerTexts.Pool()
        let texts = pool.shared(agent: "", user: "", rigID: "", worker: nil)
        miners.join(key, .init(place: place, ip: "192.0.2.7", texts: texts))
    }

    @Test func whoLeftIsRememberedForAWhileForItsLateShares() {
        var miners = ShardMiners()
        miners.forgetDeparted(at: 1_000_000)
        join(1, &miners)
        #expect(miners.leave(1) == .init(key: 101, row: 7))
        #expect(miners.leave(1) == nil)
        miners.forgetDeparted(at: 1_059_999)
        miners.forgetDeparted(at: 1_060_000)
        #expect(miners.place(of: 1) == .init(key: 101, row: 7))
        miners.forgetDeparted(at: 1_120_000)
        #expect(miners.place(of: 1) == nil)
    }

    @Test func aFloodOfDeparturesIsBounded() {
        var miners = ShardMiners()
        for key in 0..<300_000 as Range<MinerKey> {
            join(key, &miners)
            _ = miners.leave(key)
        }
        #expect(miners.place(of: 299_999) != nil)
        #expect(miners.place(of: 1) == nil)
    }

    @Test func ofAnEndedEpochOnlyLateSharesAreExpected() {
        var miners = ShardMiners()
        join(1, &miners)
        miners.end()
        #expect(miners.live.isEmpty)
        #expect(miners.leave(1) == nil)
        #expect(miners.place(of: 1) == .init(key: 101, row: 7))
    }

    @Test func rowsThatMoveAreFollowedWhereverAMinerIsRemembered() {
        var miners = ShardMiners()
        for key in 0..<4 as Range<MinerKey> { join(key, &miners, row: Int32(key) - 1) }
        _ = miners.leave(2)
        miners.forgetDeparted(at: 1_000_000)
        _ = miners.leave(3)
        miners.moveRows([ShardMiners.noRow, 0, 1])
        #expect((0..<4).map { miners.place(of: $0)?.row } == [-1, -1, 0, 1])
    }
}
