import GRDB
import Telemetry
import Testing

@testable import Archive

struct HistoryTests {
    private static let day: UInt64 = 86_400
    /// A midnight, so that every step begins there.
    private static let midnight: UInt64 = 1_795_305_600

    private static func delta(
        _ series: HistorySeries, _ time: UInt64, accepted: UInt64 = 1, hashes: UInt64 = 1_000
    ) -> HistoryDelta {
        HistoryDelta(series: series, point: HistoryPoint(time: time, accepted: accepted, hashes: hashes))
    }

    private static func write(_ deltas: [HistoryDelta], _ archive: Archive, at time: UInt64) throws {
        var checkpoint = SavedCheckpoint()
        checkpoint.history = deltas
        #expect(try archive.write(.checkpoint(checkpoint), at: time * 1_000).failure == nil)
    }

    /// Commits nothing, until no slice of thinning is left.
    private static func thin(_ archive: Archive, at time: UInt64, slices: Int = 3) throws {
        for _ in 0..<slices { try write([], archive, at: time) }
    }

    @Test func minutesAddUpHoweverTheyCome() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            let now = Self.midnight + 600
            try Self.write([Self.delta(.worker(7), now - 60), Self.delta(.total, now - 60)], archive, at: now)
            try Self.write(
                [Self.delta(.worker(7), now - 60, accepted: 2, hashes: 5), Self.delta(.worker(8), now)], archive,
                at: now)
            let reader = HistoryReader(path: place.path)
            #expect(
                try reader.points(of: .worker(7), from: now - 600, to: now + 60, step: 60)
                    == [HistoryPoint(time: now - 60, accepted: 3, hashes: 1_005)])
            #expect(try reader.points(of: .worker(8), from: now, to: now + 60, step: 60).map(\.time) == [now])
            #expect(try reader.points(of: .total, from: now - 60, to: now, step: 60).map(\.hashes) == [1_000])
            #expect(try reader.points(of: .shard(0), from: 0, to: now, step: 3_600 * 24 * 30) == [])
        }
    }

    @Test func pointsAreSumsOverTheStepAskedFor() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            let deltas = (0..<30).map { Self.delta(.total, Self.midnight + UInt64($0) * 60, accepted: UInt64($0)) }
            try Self.write(deltas, archive, at: Self.midnight + 1_800)
            let reader = HistoryReader(path: place.path)
            let points = try reader.points(
                of: .total, from: Self.midnight + 400, to: Self.midnight + 1_800, step: 300)
            // The stretch that the beginning lies in is whole.
            #expect(points.map(\.time) == [300, 600, 900, 1_200, 1_500].map { Self.midnight + $0 })
            #expect(points.map(\.accepted) == [35, 60, 85, 110, 135])
        }
    }

    @Test func ageMakesItCoarserAndLosesNothing() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            let deltas = (0..<120).flatMap { minute in
                [HistorySeries.total, .worker(3), .worker(900)].map {
                    Self.delta($0, Self.midnight + UInt64(minute) * 60)
                }
            }
            try Self.write(deltas, archive, at: Self.midnight + 7_200)
            let reader = HistoryReader(path: place.path)
            for (age, steps) in [
                (0, [60]), (Self.day - 3_600, [60, 600]), (2 * Self.day, [600]), (15 * Self.day, [3_600]),
            ] {
                try Self.thin(archive, at: Self.midnight + 7_200 + age)
                let stored = try place.sql {
                    try Int.fetchAll($0, sql: "SELECT DISTINCT step FROM history ORDER BY step")
                }
                #expect(stored == steps, "\(age)")
                for series in [HistorySeries.total, .worker(3), .worker(900)] {
                    let hours = try reader.points(
                        of: series, from: Self.midnight, to: Self.midnight + 7_200, step: 3_600)
                    #expect(hours.map(\.accepted) == [60, 60] && hours.map(\.hashes) == [60_000, 60_000], "\(age)")
                }
            }
            try Self.thin(archive, at: Self.midnight + 7_200 + 31 * Self.day)
            #expect(try place.sql { try Int.fetchOne($0, sql: "SELECT count(*) FROM history") } == 0)
        }
    }

    @Test func whereOnlyHoursAreKeptTheyAreSpreadEvenly() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            try Self.write([Self.delta(.total, Self.midnight, accepted: 61, hashes: .max)], archive, at: Self.midnight)
            try Self.thin(archive, at: Self.midnight + 20 * Self.day)
            let points = try HistoryReader(path: place.path)
                .points(of: .total, from: Self.midnight + 60, to: Self.midnight + Self.day, step: 60)
            #expect(points.count == 59)
            let first = try HistoryReader(path: place.path)
                .points(of: .total, from: Self.midnight, to: Self.midnight + 60, step: 60)
            #expect((first + points).reduce(0) { $0 + $1.accepted } == 61)
            #expect((first + points).reduce(0) { $0 + $1.hashes } == .max)
            #expect(points.allSatisfy { (1...2).contains($0.accepted) })
        }
    }

    @Test func aLateMinuteJoinsWhatHasBecomeOfIts() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            try Self.write([Self.delta(.total, Self.midnight)], archive, at: Self.midnight)
            let later = Self.midnight + 3 * Self.day
            try Self.thin(archive, at: later)
            try Self.write([Self.delta(.total, Self.midnight)], archive, at: later)
            try Self.thin(archive, at: later + 600)
            #expect(
                try place.sql { try Row.fetchAll($0, sql: "SELECT step, time FROM history") }
                    == [["step": 600, "time": Int64(Self.midnight)]])
            let points = try HistoryReader(path: place.path)
                .points(of: .total, from: Self.midnight, to: Self.midnight + 600, step: 600)
            #expect(points.map(\.accepted) == [2])
        }
    }

    @Test func whatIsTooOldIsNotWrittenAtAll() throws {
        let place = Place()
        try place.withArchive(historyDays: 1) { archive, _ in
            try Self.write(
                [Self.delta(.total, Self.midnight - Self.day), Self.delta(.total, Self.midnight - Self.day + 60)],
                archive,
                at: Self.midnight)
            #expect(try place.sql { try Int.fetchOne($0, sql: "SELECT count(*) FROM history") } == 1)
        }
    }

    @Test(arguments: [(1, [60]), (10, [60, 600]), (14, [60, 600]), (15, [60, 600, 3_600])])
    func aShortMemoryHasFewerSteps(_ days: Int, _ steps: [UInt64]) {
        let merged = Set(HistoryTable(days: days).tiers.compactMap(\.coarser)).union([60]).sorted()
        #expect(merged == steps)
    }

    @Test func thinningComesInSlices() throws {
        var table = HistoryTable(days: 30)
        let database = try DatabaseQueue()
        try Schema.migrator.migrate(database)
        try database.write { db in
            let deltas = (0..<300).flatMap { minute in
                (0..<10).map { Self.delta(.worker($0 * 64), Self.midnight + UInt64(minute) * 60) }
            }
            try table.add(deltas, at: Self.midnight, to: db)
            var slices = 1
            while try table.thin(at: Self.midnight + 2 * Self.day, in: db) {
                slices += 1
                let left = try Int.fetchOne(db, sql: "SELECT count(*) FROM history WHERE step = 60") ?? 0
                #expect(left == 3_000 - HistoryTable.sliceRowsMax)
            }
            #expect(slices == 2)
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM history WHERE step = 600") == 300)
        }
    }

    // MARK: - Asking

    @Test func oddQuestionsAreRefusedOrEmpty() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            try Self.write([Self.delta(.total, Self.midnight)], archive, at: Self.midnight)
            let reader = HistoryReader(path: place.path)
            for (from, to, step) in [(0, 60, 0), (0, 60, 59), (0, 60, 90), (0, UInt64.max, 60), (0, 20_001 * 60, 60)] {
                #expect(throws: HistoryFailure.self) {
                    try reader.points(of: .total, from: UInt64(from), to: to, step: UInt64(step))
                }
            }
            #expect(try reader.points(of: .total, from: 100, to: 60, step: 60) == [])
            #expect(try reader.points(of: .shard(.max), from: 0, to: 60, step: 60) == [])
            #expect(try reader.points(of: .total, from: .max - 60, to: .max, step: 60) == [])
            #expect(
                try reader.points(of: .total, from: 0, to: UInt64(Int64.max), step: 1 << 50 / 60 * 60 * 60).count <= 1)
        }
    }

    @Test func aReaderWaitsForTheFileAndFollowsIt() throws {
        let place = Place()
        let reader = HistoryReader(path: place.path)
        #expect(throws: HistoryFailure.unavailable("no such file: \(place.path)")) {
            try reader.workerID(named: "a")
        }
        try place.withArchive { archive, _ in try archive.write(.checkpoint(.sample())) }
        // With nobody who writes, and then with somebody.
        #expect(try reader.workerID(named: "rig-1") == 1)
        try place.withArchive { archive, _ in
            #expect(try reader.workerID(named: "rig-2") == 2)
            _ = try archive.setAside(because: "the test says so", at: Place.nowMilliseconds)
            #expect(try reader.workerID(named: "rig-2") == nil)
            try archive.write(.checkpoint(.sample()))
            #expect(try reader.workerID(named: "rig-2") == 2)
        }
    }

    @Test func aReaderInTheMiddleHoldsNobodyUp() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            try archive.write(.checkpoint(.sample()))
            var configuration = Configuration()
            configuration.readonly = true
            let reader = try DatabaseQueue(path: place.path, configuration: configuration)
            try reader.read { db in
                #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM worker") == 3)
                let outcome = try archive.write(.checkpoint(.sample(workers: 5)))
                #expect(outcome.failure == nil && outcome.microseconds < 4_000_000)
                #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM worker") == 3, "it sees what it began with")
            }
        }
    }
}
