import Testing

@testable import Telemetry

struct SnapshotCodingTests {
    static let full: Snapshot = {
        var snapshot = Snapshot()
        snapshot.sequence = 1
        snapshot.time = 2
        snapshot.startedAt = 3
        snapshot.servedMilliseconds = 35
        snapshot.minersNow = 4
        snapshot.minersMax = 5
        snapshot.upstreams = UpstreamCounts(active: 6, sleeping: 7, error: 8)
        snapshot.hashrates.oneMinute = 9.5
        snapshot.hashrates.tenMinutes = 10
        snapshot.hashrates.oneHour = 11
        snapshot.hashrates.twelveHours = 12
        snapshot.hashrates.oneDay = 13
        snapshot.hashrates.allTime = 14.25
        snapshot.results.accepted = 15
        snapshot.results.rejected = 16
        snapshot.results.invalid = 17
        snapshot.results.expired = 18
        snapshot.results.hashesTotal = .max
        snapshot.results.latencyMilliseconds = 20
        snapshot.results.best = (0..<10).map { 100 - $0 }
        for reason in snapshot.results.refusals.indices { snapshot.results.refusals[reason] = UInt64(reason) + 36 }
        snapshot.results.joined = 45
        snapshot.results.latencyPercentiles.p50 = 46
        snapshot.results.latencyPercentiles.p90 = 47
        snapshot.results.latencyPercentiles.p99 = 48
        snapshot.results.latencySumMilliseconds = 49
        snapshot.results.latencyCount = 50
        snapshot.results.lastLossAt = 51
        snapshot.results.errors = [.init(count: 21, text: "Low difficulty share"), .init(count: 22, text: "")]
        snapshot.shards = [
            .init(
                shard: 0, isLive: true, minersNow: 23, upstreams: UpstreamCounts(active: 24, sleeping: 25, error: 26),
                eventsLost: 27),
            .init(shard: 1, isLive: false, minersNow: 0, upstreams: UpstreamCounts(), eventsLost: 0),
        ]
        snapshot.shards[0].eventsReplayed = 52
        snapshot.shards[0].connections = 53
        snapshot.shards[0].loopDelayMicroseconds = 54
        snapshot.shards[0].counters = Sample.checkpoint.counters
        var gauge = UpstreamGauge(id: 55, state: .sleeping)
        gauge.pool = 56
        gauge.miners = 57
        gauge.difficulty = 58
        gauge.height = 59
        gauge.loggedInAt = 60
        gauge.jobAt = 61
        gauge.accepted = 62
        gauge.rejected = 63
        gauge.inFlight = 64
        gauge.tls = TLSCode(rawValue: 2)
        snapshot.openUpstreams = [.init(shard: 1, gauge: gauge)]
        snapshot.pools = ["pool.example:3333", "[2001:db8::1]:1"]
        snapshot.minersWaiting = 77
        snapshot.shards[0].minersWaiting = 78
        snapshot.shards[0].losesMinersOnCrash = true
        for reason in ClosedConnections.Reason.allCases {
            for _ in 0...reason.rawValue { snapshot.shards[0].closed.count(reason) }
        }
        snapshot.shards[0].tls = Sample.gaugesOfTLS.tls
        snapshot.database.state = .failing
        snapshot.database.committedAt = 65
        snapshot.database.message = "disk full"
        var row = Snapshot.WorkerRow(name: "пул/1", ip: "192.0.2.1")
        row.connections = 28
        row.accepted = 29
        row.rejected = 30
        row.invalid = 31
        row.hashes = 32
        row.lastShareAt = 33
        row.hashrates.oneDay = 34
        row.id = 66
        row.lastSeenAt = 67
        for reason in row.refusals.indices { row.refusals[reason] = UInt32(reason) + 68 }
        snapshot.workers = [row, .init(name: "", ip: "")]
        return snapshot
    }()

    @Test func whatIsWrittenIsRead() throws {
        for snapshot in [Self.full, Snapshot()] { #expect(try Snapshot(decoding: snapshot.encoded()) == snapshot) }
    }

    @Test func anotherVersionIsRefused() {
        var bytes = Self.full.encoded()
        bytes[4] = 99
        #expect(throws: DecodingFailure.unsupportedVersion(99)) { try Snapshot(decoding: bytes) }
    }

    @Test func aCountBeyondTheBytesReservesNothing() {
        var bytes = Snapshot().encoded()
        let count = bytes.count
        bytes.replaceSubrange(count - 4..<count, with: [0x40, 0x0d, 0x03, 0])
        #expect(throws: DecodingFailure.truncated) { try Snapshot(decoding: bytes) }
        bytes.replaceSubrange(count - 4..<count, with: [0xff, 0xff, 0xff, 0xff])
        #expect(throws: DecodingFailure.tooLong) { try Snapshot(decoding: bytes) }
    }

    @Test func aRateThatIsNoNumberIsRefused() {
        var snapshot = Self.full
        snapshot.hashrates.oneHour = .nan
        #expect(throws: DecodingFailure.invalidField) { try Snapshot(decoding: snapshot.encoded()) }
    }

    @Test func aStateThatThereIsNotIsRefused() {
        var snapshot = Snapshot()
        snapshot.openUpstreams = [.init(shard: 0, gauge: .init(id: 1, state: .active))]
        let original = snapshot.encoded()
        // The workers' count, the database without a message, pools with waiting and quarantined miners and conditions, and the row from its state on lie behind it.
        for offset in [original.count - 4 - 14 - 16 - 57, original.count - 4 - 14] {
            var bytes = original
            bytes[offset] = 9
            #expect(throws: DecodingFailure.invalidField) { try Snapshot(decoding: bytes) }
        }
    }

    /// A rate is too low for as long as its window reaches back to before the loss ended.
    @Test func aWindowIsIncompleteUntilTheLossHasLeftIt() {
        var snapshot = Snapshot()
        snapshot.time = Sample.start
        #expect(!snapshot.isIncomplete(windowSeconds: 86_400))
        snapshot.results.lastLossAt = Sample.start - 60_000
        #expect(!snapshot.isIncomplete(windowSeconds: 60))
        #expect(snapshot.isIncomplete(windowSeconds: 61))
        snapshot.time -= 1
        #expect(snapshot.isIncomplete(windowSeconds: 60))
        snapshot.results.lastLossAt = .max
        _ = snapshot.isIncomplete(windowSeconds: .max)
    }
}

struct RefusalCountsTests {
    @Test func thereIsACounterForEveryReason() {
        #expect(RefusalCounts<UInt32>.count == RefusalReason.allCases.count)
        #expect(RefusalReason.allCases.map { Int($0.rawValue) } == Array(0..<RefusalCounts<UInt32>.count))
    }

    @Test func aCounterStaysAtTheTop() {
        var counts = RefusalCounts<UInt8>()
        for _ in 0..<300 { counts.count(.staleJob) }
        #expect(counts[.staleJob] == .max)
        #expect(counts.reduce(0) { $0 + Int($1) } == 255)
    }
}
