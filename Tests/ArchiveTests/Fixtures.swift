import Foundation
import GRDB
import Telemetry
import TestSupport
import Testing

@testable import Archive

/// A directory for one test, and a file of statistics in it.
final class Place {
    private let scratch = Scratch()
    var directory: String { scratch.path }
    var path: String { directory + "/statistics.sqlite" }

    /// 22 November 2026, 22:00 UTC, in seconds and milliseconds.
    static let now: UInt64 = 1_795_384_800
    static let nowMilliseconds: UInt64 = now * 1_000

    func archive(historyDays: Int = 30, pagesMax: Int? = nil) -> Archive {
        var settings = ArchiveSettings(path: path, historyDays: historyDays)
        settings.pagesMax = pagesMax
        settings.busySecondsMax = 0.1
        return Archive(settings)
    }

    /// Opens, works and closes.
    @discardableResult
    func withArchive<Result>(
        historyDays: Int = 30, _ body: (Archive, Archive.Opened) throws -> Result
    ) throws -> Result {
        let archive = archive(historyDays: historyDays)
        let opened = try archive.open(at: Place.nowMilliseconds)
        defer { archive.close(waitMilliseconds: 10_000) }
        return try body(archive, opened)
    }

    /// What lies in the directory, sorted, without the lock.
    var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.hasSuffix(".lock") }.sorted()
        }
    }

    /// Looks at the file, or changes it, as somebody with sqlite3 would.
    func sql<Result>(_ body: (Database) throws -> Result) throws -> Result {
        let database = try DatabaseQueue(path: path)
        defer { try? database.close() }
        return try database.inDatabase(body)
    }

    func overwrite(at offset: UInt64, _ bytes: [UInt8]) throws {
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }
}

extension Archive {
    /// Writes, and waits for it.
    @discardableResult
    func write(_ commit: Commit, at time: UInt64 = Place.nowMilliseconds) throws -> Outcome {
        try #require(submit(commit, at: time))
        return try #require(waitForOutcome(milliseconds: 60_000))
    }
}

extension SavedCheckpoint {
    /// Every field says something.
    static func sample(workers count: UInt32 = 3) -> SavedCheckpoint {
        var saved = SavedCheckpoint()
        saved.service.totals = .sample(1_000)
        saved.service.state = [1, 2, 3]
        saved.shards = [.sample(0), .sample(1)]
        saved.shards[1].position = nil
        saved.workers = (0..<count).map { .sample($0) }
        return saved
    }
}

extension SavedCheckpoint {
    /// What is read when `SavedProgress.sample(1)` came after it.
    static var afterProgress: SavedCheckpoint {
        var saved = SavedCheckpoint.sample()
        saved.service.totals = SavedProgress.sample(1).service.totals
        saved.shards[0] = SavedProgress.sample(1).shards[0]
        saved.shards[0].state = SavedCheckpoint.sample().shards[0].state
        return saved
    }
}

extension SavedProgress {
    static func sample(_ number: UInt64) -> SavedProgress {
        var service = SavedService()
        service.totals = .sample(1_000 + number)
        var shard = SavedShard.sample(0)
        shard.position?.next += number
        shard.counters.accepted += number
        shard.state = []
        return SavedProgress(
            journal: [
                JournalEntry(shard: 0, time: Place.nowMilliseconds + number, bytes: [UInt8(number), 0, 255]),
                JournalEntry(shard: 1, time: Place.nowMilliseconds + number, bytes: []),
            ],
            service: service, shards: [shard])
    }
}

extension ShareCounters {
    static func sample(_ number: UInt64) -> ShareCounters {
        var counters = ShareCounters()
        counters.accepted = number
        counters.rejected = number + 1
        counters.invalid = number + 2
        counters.expired = number + 3
        // More than the sign leaves room for.
        counters.hashesTotal = .max - number
        counters.joined = number + 5
        return counters
    }
}

extension SavedShard {
    static func sample(_ number: UInt16) -> SavedShard {
        var shard = SavedShard(shard: number)
        shard.position = Position(epoch: Epoch(high: .max - 7, low: 9), next: 77 + UInt64(number))
        shard.counters = .sample(500 + UInt64(number))
        shard.eventsLost = 3
        shard.eventsReplayed = 4
        shard.state = [UInt8(number), 9]
        return shard
    }
}

extension SavedWorker {
    static func sample(_ id: UInt32, name: String? = nil) -> SavedWorker {
        var worker = SavedWorker(id: id, name: name ?? "rig-\(id)", ip: "192.0.2.\(id % 256)")
        worker.accepted = UInt64(id) * 10
        worker.rejected = 1
        worker.invalid = 2
        worker.hashes = .max
        worker.lastShareAt = Place.nowMilliseconds - 5
        worker.lastSeenAt = Place.nowMilliseconds - 4
        worker.state = [UInt8](repeating: UInt8(truncatingIfNeeded: id), count: 300)
        return worker
    }
}
