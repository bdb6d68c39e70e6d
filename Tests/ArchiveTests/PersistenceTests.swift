import Foundation
import GRDB
import Telemetry
import Testing

@testable import Archive

struct KeepingTests {
    @Test func aNewFileHoldsNothing() throws {
        let place = Place()
        try place.withArchive { _, opened in
            #expect(opened.saved == SavedStatistics() && opened.setAside == nil)
        }
        #expect(try place.names == ["statistics.sqlite"])
    }

    @Test func whatACheckpointStoresIsThereAgain() throws {
        let place = Place()
        let checkpoint = SavedCheckpoint.sample()
        try place.withArchive { archive, _ in
            let outcome = try archive.write(.checkpoint(checkpoint))
            #expect(outcome.failure == nil && outcome.commit == .checkpoint(checkpoint))
        }
        try place.withArchive { _, opened in
            #expect(opened.saved.checkpoint == checkpoint)
            #expect(opened.saved.journal == [])
            #expect(opened.saved.committedAt == Place.nowMilliseconds)
        }
    }

    @Test(arguments: [0, 1, 40 * 86_400_000] as [UInt64])
    func theTimeThatIsStoredIsTheOneByWhichHistoryIsOld(ahead: UInt64) throws {
        for commit in [Commit.progress(.sample(1)), .checkpoint(.sample())] {
            let place = Place()
            try place.withArchive { archive, _ in
                let isTaken = archive.submit(
                    commit, at: Place.nowMilliseconds + ahead, forgettingAt: Place.nowMilliseconds)
                let outcome = try #require(archive.waitForOutcome(milliseconds: 10_000))
                #expect(isTaken && outcome.failure == nil)
            }
            try place.withArchive { _, opened in #expect(opened.saved.committedAt == Place.nowMilliseconds) }
        }
    }

    @Test func progressIsAJournalOnTopOfTheCheckpoint() throws {
        let place = Place()
        let checkpoint = SavedCheckpoint.sample()
        try place.withArchive { archive, _ in
            try archive.write(.checkpoint(checkpoint))
            try archive.write(.progress(.sample(1)))
            try archive.write(.progress(.sample(2)))
        }
        try place.withArchive { archive, opened in
            var expected = checkpoint
            expected.service.totals = SavedProgress.sample(2).service.totals
            expected.shards[0] = SavedProgress.sample(2).shards[0]
            expected.shards[0].state = checkpoint.shards[0].state
            #expect(opened.saved.checkpoint == expected, "the sums of now, the state of the checkpoint")
            #expect(opened.saved.journal == SavedProgress.sample(1).journal + SavedProgress.sample(2).journal)
            try archive.write(.checkpoint(checkpoint))
        }
        try place.withArchive { _, opened in #expect(opened.saved.journal == []) }
    }

    /// A collector that is killed within its first minute.
    @Test func progressCountsBeforeTheFirstCheckpointToo() throws {
        let place = Place()
        try place.withArchive { archive, _ in try archive.write(.progress(.sample(1))) }
        try place.withArchive { _, opened in
            var empty = SavedCheckpoint()
            empty.service.totals = SavedProgress.sample(1).service.totals
            empty.shards = SavedProgress.sample(1).shards
            #expect(opened.saved.checkpoint == empty)
            #expect(opened.saved.journal == SavedProgress.sample(1).journal)
        }
    }

    @Test func workersChangeAndAreForgottenOneByOne() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            try archive.write(.checkpoint(.sample(workers: 4)))
            var next = SavedCheckpoint.sample(workers: 0)
            next.workers = [.sample(1), .sample(9)]
            next.workers[0].accepted = 1_234
            next.forgotten = [2, 77]
            try archive.write(.checkpoint(next))
        }
        try place.withArchive { _, opened in
            #expect(opened.saved.checkpoint.workers.map(\.id) == [0, 1, 3, 9])
            #expect(opened.saved.checkpoint.workers[1].accepted == 1_234)
        }
    }

    @Test(arguments: ["", "a\0b", "a", "Müller ⛏ '; DROP TABLE worker; --", "e\u{301}"])
    func anyNameIsKeptAsItIs(_ name: String) throws {
        let place = Place()
        try place.withArchive { archive, _ throws in
            var checkpoint = SavedCheckpoint.sample(workers: 0)
            checkpoint.workers = [.sample(1, name: name), .sample(2, name: "a\0c")]
            #expect(try archive.write(.checkpoint(checkpoint)).failure == nil)
            let reader = HistoryReader(path: place.path)
            #expect(try reader.workerID(named: name) == 1)
            #expect(try reader.workerID(named: "nobody") == nil)
        }
        try place.withArchive { _, opened in
            #expect(opened.saved.checkpoint.workers.first.map { Array($0.name.utf8) } == Array(name.utf8))
        }
    }

    /// kill -9 in the middle: what is on the disk then is the file and its WAL, neither closed.
    @Test func aProcessThatIsKilledLeavesEveryCommitBehind() throws {
        let (place, copy) = (Place(), Place())
        try place.withArchive { archive, _ in
            try archive.write(.checkpoint(.sample()))
            try archive.write(.progress(.sample(1)))
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: place.path + suffix, toPath: copy.path + suffix)
            }
            try archive.write(.progress(.sample(2)))
        }
        try copy.withArchive { _, opened in
            #expect(opened.saved.checkpoint == .afterProgress)
            #expect(opened.saved.journal == SavedProgress.sample(1).journal)
        }
    }

    /// The same, in the middle of a write: the last frames of the WAL are torn.
    @Test(arguments: [1, 24, 500, 4_000, 5_000])
    func aTornCommitIsNoCommit(_ cut: Int) throws {
        let (place, copy) = (Place(), Place())
        try place.withArchive { archive, _ in
            try archive.write(.checkpoint(.sample()))
            try archive.write(.progress(.sample(1)))
            try FileManager.default.copyItem(atPath: place.path, toPath: copy.path)
            let journal = try Data(contentsOf: URL(filePath: place.path + "-wal"))
            try journal.dropLast(cut).write(to: URL(filePath: copy.path + "-wal"))
        }
        try copy.withArchive { _, opened in
            #expect(opened.saved.checkpoint == .sample() && opened.saved.journal == [])
        }
    }

    @Test func oneCommitIsUnderWayAtATime() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            #expect(archive.takeOutcome() == nil && !archive.isBusy)
            #expect(archive.submit(.progress(.sample(1)), at: 1))
            #expect(!archive.submit(.progress(.sample(2)), at: 1))
            let outcome = try #require(archive.waitForOutcome(milliseconds: 60_000))
            #expect(outcome.failure == nil && outcome.commit == .progress(.sample(1)))
            #expect(archive.takeOutcome() == nil && !archive.isBusy)
        }
    }

    @Test func onlyItsOwnerMayReadIt() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            try archive.write(.progress(.sample(1)))
            for name in try FileManager.default.contentsOfDirectory(atPath: place.directory) {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(place.directory)/\(name)")
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
        }
    }

    /// Not a benchmark: a second would be ten times what it takes on a slow machine.
    @Test func tenThousandWorkersAreOneShortTransaction() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            var checkpoint = SavedCheckpoint.sample(workers: 10_000)
            checkpoint.history = (UInt32(0)..<10_000).map { id in
                let point = HistoryPoint(time: Place.now, accepted: 3, hashes: 300_000)
                return HistoryDelta(series: .worker(id), point: point)
            }
            let first = try archive.write(.checkpoint(checkpoint))
            let second = try archive.write(.checkpoint(checkpoint))
            #expect(first.failure == nil && second.failure == nil)
            #expect(second.microseconds < 5_000_000)
            print("10,000 workers: \(first.microseconds / 1_000) ms new, \(second.microseconds / 1_000) ms again")
        }
    }
}
