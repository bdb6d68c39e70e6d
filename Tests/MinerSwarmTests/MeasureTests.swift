import Testing

@testable import MinerSwarm

private func id(_ serial: UInt32) -> ConnectionID { ConnectionID(index: serial, serial: serial) }

struct NonceWatchTests {
    private let part = NonceWatch.Part(work: 0x1234_5600, nonceByte: 1)

    @Test func twoLiveMinersOnOnePartAreAConflict() {
        var watch = NonceWatch(miners: 10)
        watch.took(part, holder: id(1)) { _ in true }
        watch.took(part, holder: id(2)) { _ in true }
        #expect(watch.conflicts == 1 && watch.reuses == 0)
    }

    @Test func aPartThatWasLeftIsAReuse() {
        var watch = NonceWatch(miners: 10)
        watch.took(part, holder: id(1)) { _ in true }
        watch.took(part, holder: id(2)) { _ in false }
        #expect(watch.conflicts == 0 && watch.reuses == 1)
    }

    @Test func theOtherBytesAndTheSameMinerAreFine() {
        var watch = NonceWatch(miners: 10)
        for byte in 0...255 as ClosedRange<UInt8> {
            watch.took(.init(work: 0x9900, nonceByte: byte), holder: id(UInt32(byte))) { _ in true }
            watch.took(.init(work: 0x9900, nonceByte: byte), holder: id(UInt32(byte))) { _ in true }
        }
        #expect(watch.conflicts == 0 && watch.reuses == 0)
    }

    @Test func aPartIsRememberedOverTheNextThousandsOfOthers() {
        var watch = NonceWatch(miners: 10)
        watch.took(part, holder: id(1)) { _ in true }
        for work in 1...1_500 as ClosedRange<UInt64> {
            watch.took(.init(work: work << 32, nonceByte: 0), holder: id(3)) { _ in true }
        }
        watch.took(part, holder: id(2)) { _ in true }
        #expect(watch.conflicts == 1)
    }
}

struct ShareLedgerTests {
    @Test func aReplyFindsItsShareOnce() throws {
        var ledger = ShareLedger(capacity: 8)
        let share = try #require(ledger.open(id(1), now: 100) { _ in true })
        #expect(ledger.close(id: share, of: id(2)) == nil)
        #expect(ledger.close(id: share, of: id(1)) == 100)
        #expect(ledger.close(id: share, of: id(1)) == nil)
    }

    @Test func madeUpIdsFindNothing() {
        var ledger = ShareLedger(capacity: 8)
        _ = ledger.open(id(1), now: 100) { _ in true }
        for wrong in [-1, 0, 1, 8, 24, Int64.max, Int64.min] {
            #expect(ledger.close(id: wrong, of: id(1)) == nil)
        }
    }

    @Test func aFullRingRefusesUntilAPlaceIsFreeOrItsMinerGone() {
        var ledger = ShareLedger(capacity: 4)
        for _ in 0..<4 { #expect(ledger.open(id(1), now: 1) { _ in true } != nil) }
        #expect(ledger.open(id(2), now: 2) { _ in true } == nil)
        #expect(ledger.open(id(2), now: 2) { $0 != id(1) } != nil)
    }
}

struct HistogramTests {
    @Test func percentilesAreRightWithinThreePercent() {
        var histogram = Histogram()
        for nanos in 1...100_000 as ClosedRange<UInt64> { histogram.add(nanos: nanos * 1_000) }
        for (part, expected) in [(0.5, 50_000_000.0), (0.9, 90_000_000.0), (0.99, 99_000_000.0)] {
            let found = Double(histogram.nanos(atPart: part))
            #expect(found >= expected && found <= expected * 1.032)
        }
        #expect(histogram.maxNanos == 100_000_000)
        #expect(histogram.nanos(atPart: 1) == 100_000_000)
    }

    @Test func anyDurationHasABucket() {
        var histogram = Histogram()
        for shift in 0..<64 as Range<UInt64> {
            histogram.add(nanos: 1 << shift)
            histogram.add(nanos: (1 << shift) - 1)
        }
        histogram.add(nanos: .max)
        #expect(histogram.filled.reduce(0) { $0 + $1[1] } == 129)
        #expect(Histogram().nanos(atPart: 0.5) == 0)
    }
}

struct BroadcastWatchTests {
    @Test func theSpreadIsFromTheFirstMinerToTheLast() {
        var watch = BroadcastWatch()
        watch.heard(1, now: 1_000_000)
        watch.heard(2, now: 2_000_000)
        watch.heard(1, now: 3_500_000)
        #expect(watch.count == 2)
        #expect(watch.broadcasts[0].miners == 2 && watch.broadcasts[0].spreadMillis == 2.5)
    }

    @Test func memoryIsBounded() {
        var watch = BroadcastWatch()
        for key in 0..<5_000 as Range<UInt64> { watch.heard(key, now: key) }
        #expect(watch.count == 5_000 && watch.broadcasts.count <= BroadcastWatch.rememberedMax)
        #expect(watch.broadcasts.last?.key == 4_999)
    }
}

struct PaceTests {
    @Test func fractionsCarryOver() {
        var pace = Pace(perSecond: 333)
        let total = (0..<1_000).reduce(0) { sum, _ in sum + pace.due(afterSeconds: 0.001) }
        #expect((332...333).contains(total))
    }

    @Test func whatALongStallMissedIsNotSentInOneBurst() {
        var pace = Pace(perSecond: 1_000)
        #expect(pace.due(afterSeconds: 2) == 250)
        #expect(pace.missed == 1_750)
    }
}

struct WaitingMinersTests {
    @Test func newOnesOnceThenJoiningBeforePausedAndPausedNotTooEarly() {
        var waiting = WaitingMiners(count: 2)
        #expect([waiting.takeNew(), waiting.takeNew(), waiting.takeNew()] == [0, 1, nil])
        waiting.pause(0, untilMillis: 100)
        waiting.join(1)
        #expect(waiting.takeRetry(atMillis: 50) == 1)
        #expect(waiting.takeRetry(atMillis: 50) == nil)
        #expect(waiting.takeRetry(atMillis: 100) == 0)
    }
}
