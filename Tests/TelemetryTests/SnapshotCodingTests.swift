import Testing

@testable import Telemetry

struct SnapshotCodingTests {
    static let full: Snapshot = {
        var snapshot = Snapshot()
        snapshot.sequence = 1
        snapshot.time = 2
        snapshot.startedAt = 3
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
        snapshot.results.errors = [.init(count: 21, text: "Low difficulty share"), .init(count: 22, text: "")]
        snapshot.shards = [
            .init(
                shard: 0, isLive: true, minersNow: 23, upstreams: UpstreamCounts(active: 24, sleeping: 25, error: 26),
                eventsLost: 27),
            .init(shard: 1, isLive: false, minersNow: 0, upstreams: UpstreamCounts(), eventsLost: 0),
        ]
        var row = Snapshot.WorkerRow(name: "пул/1", ip: "192.0.2.1")
        row.connections = 28
        row.accepted = 29
        row.rejected = 30
        row.invalid = 31
        row.hashes = 32
        row.lastShareAt = 33
        row.hashrates.oneDay = 34
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
}
