import Testing

@testable import Telemetry

struct HashrateWindowTests {
    private let start = Sample.start
    private let day: UInt64 = 86_400_000

    @Test func anEmptyWindowHasNoRateAndNoMemory() {
        var window = HashrateWindow()
        #expect(window.rates(at: start) == Hashrates())
        #expect(window == HashrateWindow())
    }

    @Test func aSumIsDividedByTheWholeWindow() {
        var window = HashrateWindow()
        window.add(86_400, at: start)
        let rates = window.rates(at: start + 1_000)
        #expect(rates.all == [1_440, 144, 24, 2, 1, 0])
    }

    private static let windows: [(Int, UInt64, UInt64)] = [
        (0, 60, 4), (1, 600, 30), (2, 3_600, 120), (3, 43_200, 1_800), (4, 86_400, 1_800),
    ]

    @Test(arguments: windows)
    func anAmountLeavesItsWindowSmoothlyAndInTime(column: Int, seconds: UInt64, bucket: UInt64) {
        var window = HashrateWindow()
        window.add(seconds * 10, at: start)
        #expect(window.rates(at: start + seconds * 1_000 - 1).all[column] == 10)
        #expect(window.rates(at: start + (seconds + bucket / 2) * 1_000).all[column] == 5)
        #expect(window.rates(at: start + (seconds + bucket) * 1_000).all[column] == 0)
    }

    @Test func steadyWorkShowsItsRateInEveryWindow() {
        var window = HashrateWindow()
        for second in 0..<90_000 as Range<UInt64> { window.add(250, at: start + second * 1_000) }
        let rates = window.rates(at: start + 90_000_000)
        for rate in rates.all.dropLast() { #expect(abs(rate - 250) < 0.01) }
    }

    @Test func aReplayedAmountGoesWhereItBelongs() {
        var window = HashrateWindow()
        window.add(60, at: start + 600_000)
        window.add(600, at: start + 300_000)
        let rates = window.rates(at: start + 601_000)
        #expect(rates.oneMinute == 1)
        #expect(rates.tenMinutes == 1.1)
    }

    @Test func whatIsOlderThanADayIsNotCounted() {
        var window = HashrateWindow()
        window.add(86_400, at: start + 2 * day)
        window.add(1 << 40, at: start)
        #expect(window.rates(at: start + 2 * day).oneDay == 1)
    }

    @Test func aWorkerIdleForADayHoldsNoBuckets() {
        var window = HashrateWindow()
        window.add(1, at: start)
        _ = window.rates(at: start + 2 * day)
        var other = HashrateWindow()
        _ = other.rates(at: start)
        #expect(window.holdsNothing && other.holdsNothing)
    }

    @Test func aClockSetBackLosesTheFutureAndCountsOn() {
        var window = HashrateWindow()
        window.add(600, at: start + 7_200_000)
        #expect(window.rates(at: start).oneMinute == 0)
        window.add(6_000, at: start + 1_000)
        #expect(window.rates(at: start + 2_000).oneMinute == 100)
        #expect(window.rates(at: start + 7_300_000).oneMinute == 0)
    }

    @Test func aClockThatTremblesLosesNothing() {
        var window = HashrateWindow()
        window.add(600, at: start + 4_000)
        #expect(window.rates(at: start).oneMinute == 10)
        window.add(600, at: start)
        #expect(window.rates(at: start + 4_000).oneMinute == 20)
    }

    @Test func noAmountOrTimeTraps() {
        var generator = SeededGenerator(seed: 5)
        var window = HashrateWindow()
        let times: [UInt64] = [0, 1, 3_999, start, start + 1, start + day, .max / 2, .max]
        for _ in 0..<2_000 {
            let time = times.randomElement(using: &generator) ?? 0
            window.add([0, 1, .max].randomElement(using: &generator) ?? 0, at: time)
            let now = times.randomElement(using: &generator) ?? 0
            for rate in window.rates(at: now).all { #expect(rate.isFinite && rate >= 0) }
        }
    }

    /// The promise of a worker row is 2 kB in all.
    @Test func aWindowTakesLessThanAKilobyte() {
        #expect(HashrateWindow.bucketCount * 8 + 32 + MemoryLayout<HashrateWindow>.size < 1_024)
        #expect(MemoryLayout<WorkerTable.Row>.stride <= 128)
    }
}
