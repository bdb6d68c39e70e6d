import TestSupport
import Testing

@testable import Telemetry

/// Whatever a damaged file holds, restoring gives a fold or an error; and what it gives can be used.
struct HostileSavedStateTests {
    private static let now = Statistics.Moment(time: Sample.start + 1_000, monotonic: 1_000)

    /// A checkpoint and a journal of everything there is.
    private static func saved() throws -> (checkpoint: SavedCheckpoint, journal: [JournalEntry]) {
        var statistics = try Statistics(
            restoring: SavedCheckpoint(), journal: [], startedAt: Sample.start, shardCount: 2, at: now)
        let other = Epoch(high: 3, low: 4)
        for epoch in [other, Sample.epoch] {
            statistics.hear([.epochBegan(epoch), .events(epoch, Sample.events[...])], from: 0, at: now)
        }
        let position = SavedShard.Position(epoch: Sample.epoch, next: 12)
        let checkpoint = statistics.takeCheckpoint(positions: [position, nil], at: now)
        statistics.hear([.events(Sample.epoch, Sample.events[...])], from: 0, at: now)
        statistics.hear([.lost(Sample.epoch, 3), .liveMiners(Sample.epoch, [Sample.joined(9)])], from: 0, at: now)
        statistics.noteReplayed(4, shard: 1)
        _ = statistics.snapshot(at: .init(time: now.time, monotonic: 9_000))
        statistics.forgetWorkers(unseenSince: 5)
        statistics.forgetWorkers(unseenSince: 5, unproven: 6)
        return (checkpoint, statistics.takeProgress(positions: [.init(epoch: other, next: 1), nil]).journal)
    }

    /// - Returns: false when it was refused.
    @discardableResult
    private func restore(_ checkpoint: SavedCheckpoint, _ journal: [JournalEntry]) -> Bool {
        guard
            var statistics = try? Statistics(
                restoring: checkpoint, journal: journal, startedAt: Sample.start + 500, shardCount: 2, at: Self.now)
        else { return false }
        statistics.hear([.events(Sample.epoch, Sample.events[...])], from: 0, at: Self.now)
        let snapshot = statistics.snapshot(at: Self.now)
        _ = try? Snapshot(decoding: snapshot.encoded())
        _ = statistics.takeCheckpoint(positions: [], at: Self.now)
        return true
    }

    @Test func theSavedStateIsRead() throws {
        let (checkpoint, journal) = try Self.saved()
        #expect(restore(checkpoint, journal))
        #expect(journal.count == 7)
    }

    /// Every blob there is in turn, each with all changes.
    /// - Returns: which of them were read nevertheless.
    private func read(after change: ([UInt8]) -> [[UInt8]]) throws -> Set<String> {
        let (checkpoint, journal) = try Self.saved()
        var read: Set<String> = []
        for bytes in change(checkpoint.service.state) {
            var damaged = checkpoint
            damaged.service.state = bytes
            if restore(damaged, journal) { read.insert("service") }
        }
        for bytes in change(checkpoint.shards[0].state) {
            var damaged = checkpoint
            damaged.shards[0].state = bytes
            if restore(damaged, journal) { read.insert("shard") }
        }
        for bytes in change(checkpoint.workers[0].state) {
            var damaged = checkpoint
            damaged.workers[0].state = bytes
            if restore(damaged, journal) { read.insert("worker") }
        }
        for index in journal.indices {
            for bytes in change(journal[index].bytes) {
                var damaged = journal
                damaged[index].bytes = bytes
                if restore(checkpoint, damaged) { read.insert("journal") }
            }
        }
        return read
    }

    @Test func whatIsCutOffIsRefused() throws {
        // An empty state is that of a new database; a journal entry may end between two pieces of news.
        #expect(try read { bytes in (1..<bytes.count).map { Array(bytes.prefix($0)) } } == ["journal"])
    }

    @Test func bytesTooManyAreRefused() throws {
        #expect(try read { [$0 + [0], $0 + [255, 1]] } == [])
    }

    @Test func scatteredErrorsNeverTrap() throws {
        var generator = SeededGenerator(seed: 11)
        func damaged(_ original: [UInt8]) -> [UInt8] {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let any = UInt8.random(in: 0...255, using: &generator)
                let byte = [0, 1, 0x7f, 0x80, 0xff, any].randomElement(using: &generator) ?? any
                bytes[Int.random(in: bytes.indices, using: &generator)] = byte
            }
            return bytes
        }
        _ = try read { original in (0..<60).map { _ in damaged(original) } }
    }

    @Test func anotherVersionIsRefused() throws {
        let (checkpoint, journal) = try Self.saved()
        var damaged = checkpoint
        damaged.service.state[0] = 9
        #expect(throws: DecodingFailure.unsupportedVersion(9)) {
            try Statistics(restoring: damaged, journal: journal, startedAt: 0, shardCount: 2, at: Self.now)
        }
        // The journal's records are those of the bus: they have its version.
        #expect(Array(journal[0].bytes.prefix(2)) == [1, BusMessage.formatVersion])
    }

    @Test func workersWhoContradictEachOtherAreRefused() throws {
        let (checkpoint, journal) = try Self.saved()
        var twice = checkpoint
        twice.workers.append(checkpoint.workers[0])
        #expect(!restore(twice, journal))
        var renamed = checkpoint
        renamed.workers[0].name = renamed.workers[1].name
        #expect(!restore(renamed, journal))
        var unknown = checkpoint
        unknown.workers.removeFirst()
        #expect(!restore(unknown, journal))
        var extreme = checkpoint
        for index in extreme.workers.indices {
            extreme.workers[index].hashes = .max
            extreme.workers[index].accepted = .max
            extreme.workers[index].lastSeenAt = .max
        }
        #expect(restore(extreme, journal))
    }

    @Test func numbersOfAnySizeAreWrittenAndRead() throws {
        let numbers: [UInt64] = [0, 0, 1, 127, 128, 16_383, 16_384, 0, .max - 1, .max, 0]
        var writer = ByteWriter()
        for number in numbers { writer.packed(number) }
        writer.packedRuns(numbers)
        var reader = ByteReader(writer.bytes)
        for number in numbers { #expect(try reader.packed() == number) }
        #expect(try reader.packedRuns(count: numbers.count) == numbers)
        try reader.finish()
        var tooLong = ByteReader([UInt8](repeating: 0xff, count: 9) + [2])
        #expect(throws: DecodingFailure.invalidField) { try tooLong.packed() }
        var run = ByteReader([0, 5])
        #expect(throws: DecodingFailure.invalidField) { try run.packedRuns(count: 4) }
    }
}
