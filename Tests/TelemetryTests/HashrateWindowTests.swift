import TestSupport
import Testing

@testable import Telemetry

struct HashrateWindowTests {
    private let start = Sample.start
    private let day: UInt64 = 86_400_000

    @Test func anEmptyWindowHasNoRateAndNoMemory() {
        var window = HashrateWindow()
        #expect(window.rates(at: start) == Hashrates())
        #expect(window.heapBytes == 0)
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

    /// One second more and the oldest bucket begins to leave; one less and all of the amount is there.
    @Test(arguments: windows)
    func aWindowIsExactAtItsBorder(column: Int, seconds: UInt64, bucket: UInt64) {
        var window = HashrateWindow()
        window.add(seconds * 1_000, at: start)
        #expect(window.rates(at: start + seconds * 1_000).all[column] == 1_000)
        let passed = 1 / Double(bucket)
        #expect(abs(window.rates(at: start + (seconds + 1) * 1_000).all[column] - 1_000 * (1 - passed)) < 1e-6)
        #expect(window.rates(at: start + (seconds + bucket) * 1_000 - 1).all[column] > 0)
        #expect(window.rates(at: start + (seconds + bucket) * 1_000).all[column] == 0)
    }

    /// Whatever second of its buckets the stream began in, and whether or not anybody looked meanwhile.
    @Test(arguments: [0, 1_799] as [UInt64], [true, false])
    func steadyWorkShowsItsRateInEveryWindow(offset: UInt64, isWatched: Bool) {
        var window = HashrateWindow()
        for second in offset..<offset + 90_000 {
            window.add(250, at: start + second * 1_000)
            if isWatched, second % 7 == 0 { _ = window.rates(at: start + second * 1_000 + 500) }
        }
        for rate in window.rates(at: start + (offset + 90_000) * 1_000).all.dropLast() {
            #expect(abs(rate - 250) <= 250 / 60)
        }
    }

    /// Against a list of all amounts: each counts whole while it is younger than the window, not at all when it is older
    /// by more than a bucket, and in part between.
    @Test func ratesLieBetweenThoseOfAListWithAndWithoutTheOldestBucket() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<40 {
            var window = HashrateWindow()
            var list: [(amount: UInt64, second: UInt64)] = []
            var now = start / 1_000 + UInt64.random(in: 0..<4_000, using: &generator)
            for _ in 0..<60 {
                now += generator.chance(10) ? UInt64.random(in: 0..<30_000, using: &generator) : 3
                let late = generator.chance(30) ? UInt64.random(in: 0..<5_000, using: &generator) : 0
                let amount = UInt64.random(in: 1..<10_000, using: &generator)
                window.add(amount, at: (now - late) * 1_000)
                list.append((amount, now - late))
                guard generator.chance(30) else { continue }
                let rates = window.rates(at: now * 1_000).all
                for (column, seconds, bucket) in Self.windows {
                    func rate(youngerThan age: UInt64) -> Double {
                        let sum = list.reduce(0) { now - $1.second < age ? $0 + $1.amount : $0 }
                        return Double(sum) / Double(seconds)
                    }
                    // An amount stands for its whole bucket, so its age is known to a bucket's width.
                    let least = rate(youngerThan: seconds - bucket)
                    let most = rate(youngerThan: seconds + bucket)
                    if rates[column] < least - 1e-6 || rates[column] > most + 1e-6 {
                        Issue.record("column \(column): \(rates[column]) is not in \(least)...\(most)")
                    }
                }
            }
        }
    }

    @Test func lookingChangesNothing() {
        var generator = SeededGenerator(seed: 8)
        var watched = HashrateWindow()
        var unwatched = HashrateWindow()
        var now = start
        for _ in 0..<2_000 {
            now += UInt64.random(in: 0..<90_000, using: &generator)
            watched.add(now % 1_000, at: now - 2_000)
            unwatched.add(now % 1_000, at: now - 2_000)
            _ = watched.rates(at: now)
        }
        #expect(watched == unwatched)
        #expect(watched.rates(at: now + 1) == unwatched.rates(at: now + 1))
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

    /// The collector looks every second; that must not keep an idle worker's memory alive.
    @Test func aWorkerIdleForADayHoldsNoBucketsHoweverOftenItIsLookedAt() {
        var window = HashrateWindow()
        window.add(1, at: start)
        let end = start + HashrateWindow.memorySeconds * 1_000
        for now in stride(from: start, through: end, by: 60_000) { _ = window.rates(at: now) }
        #expect(window.heapBytes > 0)
        #expect(window.rates(at: end) == Hashrates())
        _ = window.rates(at: end + 1_000)
        #expect(window.heapBytes == 0)
        window.add(60, at: end + 2_000)
        #expect(window.rates(at: end + 2_000).oneMinute == 1)
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

    /// What it takes is what makes a row small: half of it for the difficulties that there are, and no more than a kilobyte
    /// for any.
    @Test(arguments: [(1_000_000, 480), (UInt64.max / 2, 960)] as [(UInt64, Int)])
    func aFullWindowTakesFourBytesABucketOrEight(difficulty: UInt64, bytesMax: Int) {
        var window = HashrateWindow()
        for second in stride(from: 0, to: 90_000, by: 2) as StrideTo<UInt64> {
            window.add(difficulty, at: start + second * 1_000)
        }
        #expect(window.heapBytes <= bytesMax + 64)
        #expect(MemoryLayout<WorkerTable.Row>.stride <= 64)
    }

    /// As if every bucket were there, in numbers that know no end but that of 64 bits.
    @Test(arguments: 0..<20) func theSumsThatAreNotZeroAreAllThatIsNeeded(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var sums = SparseSums()
        var all = [UInt64](repeating: 0, count: HashrateWindow.bucketCount)
        let amounts: [UInt64] = seed < 10 ? [0, 1, 70_000] : [0, 1, 1 << 31, 1 << 32, .max]
        for _ in 0..<2_000 {
            let place = all.indices.randomElement(using: &generator) ?? 0
            if Bool.random(using: &generator) {
                sums.clear(place)
                all[place] = 0
            } else {
                let amount = amounts.randomElement(using: &generator) ?? 0
                sums.add(amount, to: place)
                all[place].add(saturating: amount)
            }
            #expect(all.indices.allSatisfy { sums[$0] == all[$0] })
            let other = all.indices.randomElement(using: &generator) ?? 0
            let places = min(place, other)...max(place, other)
            #expect(sums.sum(of: places) == all[places].reduce(into: 0) { $0.add(saturating: $1) })
            #expect(sums == SparseSums(all) && sums.isEmpty == all.allSatisfy { $0 == 0 })
        }
    }
}
