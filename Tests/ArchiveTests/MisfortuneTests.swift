import Foundation
import GRDB
import Telemetry
import TestSupport
import Testing

@testable import Archive

/// What disks, people and other programs do to a file.
struct MisfortuneTests {
    private static let stamp = "damaged-20261122T220000Z"

    private func failure(_ archive: Archive) -> ArchiveFailure? {
        do throws(ArchiveFailure) {
            _ = try archive.open(at: Place.nowMilliseconds)
            archive.close(waitMilliseconds: 10_000)
            return nil
        } catch {
            return error
        }
    }

    private func filled() throws -> Place {
        let place = Place()
        try place.withArchive { archive, _ in try archive.write(.checkpoint(.sample(workers: 300))) }
        return place
    }

    /// The damaged file is set aside whole, the new one works.
    private func expectSetAside(_ place: Place, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let damaged = try Data(contentsOf: URL(filePath: place.path))
        try place.withArchive { archive, opened in
            let aside = try #require(opened.setAside, sourceLocation: sourceLocation)
            #expect(aside == place.path + "." + Self.stamp, sourceLocation: sourceLocation)
            #expect(try Data(contentsOf: URL(filePath: aside)) == damaged, sourceLocation: sourceLocation)
            #expect(opened.saved == SavedStatistics(), sourceLocation: sourceLocation)
            #expect(try archive.write(.checkpoint(.sample())).failure == nil, sourceLocation: sourceLocation)
        }
        try place.withArchive { _, opened in
            #expect(opened.saved.checkpoint == .sample() && opened.setAside == nil, sourceLocation: sourceLocation)
        }
    }

    // MARK: - Damaged

    @Test func aDamagedHeaderIsSetAside() throws {
        let place = try filled()
        try place.overwrite(at: 0, [UInt8](repeating: 0x55, count: 100))
        try expectSetAside(place)
    }

    @Test func aPageOfZerosInTheMiddleIsSetAside() throws {
        let place = try filled()
        let page = try place.sql {
            try UInt64.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'worker'")
        }
        try place.overwrite(at: (try #require(page) - 1) * 4_096, [UInt8](repeating: 0, count: 4_096))
        try expectSetAside(place)
    }

    @Test func aPageOfAnythingInTheMiddleIsSetAside() throws {
        let place = try filled()
        let page = try place.sql {
            try UInt64.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'worker'")
        }
        try place.overwrite(at: (try #require(page) - 1) * 4_096, (0..<4_096).map { UInt8($0 & 0xFF) })
        try expectSetAside(place)
    }

    @Test(arguments: [1, 99, 100, 4_096, 20_000])
    func aTruncatedFileIsSetAside(_ length: UInt64) throws {
        let place = try filled()
        let file = try #require(FileHandle(forUpdatingAtPath: place.path))
        try file.truncate(atOffset: length)
        try file.close()
        try expectSetAside(place)
    }

    @Test func anEmptyFileIsANewOne() throws {
        let place = Place()
        #expect(FileManager.default.createFile(atPath: place.path, contents: Data()))
        try place.withArchive { _, opened in #expect(opened.setAside == nil) }
    }

    @Test func rowsThatNobodyWroteAreDamage() throws {
        for sql in [
            "UPDATE worker SET id = -1 WHERE id = 1", "UPDATE worker SET name = 1.5", "UPDATE worker SET name = x'FF'",
            "UPDATE shard SET epoch = x'01'", "UPDATE shard SET next = x'00'", "UPDATE service SET joined = 0.5",
            "UPDATE shard SET shard = 70000 WHERE shard = 0", "UPDATE service SET accepted = 'many'",
            "INSERT INTO journal (shard, time, news) VALUES (-1, 0, x'')", "DROP TABLE journal",
        ] {
            let place = try filled()
            try place.sql { try $0.execute(sql: sql) }
            let opened = try place.withArchive { _, opened in opened }
            #expect(opened.setAside != nil, "\(sql)")
        }
    }

    @Test func damageWhileItRunsCostsTheFileAndNotTheService() throws {
        let place = Place()
        let archive = place.archive()
        _ = try archive.open(at: Place.nowMilliseconds)
        // More than SQLite keeps in its memory, and enough to be moved from the WAL into the file.
        let large = Commit.checkpoint(.sample(workers: 20_000))
        #expect(try archive.write(large).failure == nil)
        #expect(try archive.write(.progress(.sample(1))).failure == nil)
        let length = try #require(try FileManager.default.attributesOfItem(atPath: place.path)[.size] as? Int)
        try place.overwrite(at: 4_096, [UInt8](repeating: 0xAA, count: length - 4_096))
        let outcome = try archive.write(large)
        guard case .damaged(let reason)? = outcome.failure else {
            throw TestFailure("it did not notice: \(outcome.failure?.description ?? "no failure")")
        }
        #expect(reason == "database disk image is malformed (SQLite error 11)")
        #expect(outcome.setAside == place.path + "." + Self.stamp)
        #expect(try archive.write(.checkpoint(.sample())).failure == nil)
        archive.close(waitMilliseconds: 10_000)
        try place.withArchive { _, opened in #expect(opened.saved.checkpoint == .sample()) }
    }

    /// Thinning looks at rows that no commit does.
    @Test func damageInOldHistoryIsFoundByTheCommitAfterThinning() throws {
        let place = Place()
        try place.withArchive { archive, _ in
            var checkpoint = SavedCheckpoint.sample()
            checkpoint.history = [HistoryDelta(series: .total, point: HistoryPoint(time: Place.now, accepted: 1))]
            try archive.write(.checkpoint(checkpoint))
            try place.sql { try $0.execute(sql: "UPDATE history SET points = x'FF'") }
            #expect(throws: HistoryFailure.unavailable("a row of the history")) {
                try HistoryReader(path: place.path)
                    .points(of: .total, from: Place.now, to: Place.now + 60, step: 60)
            }
            let later = Place.nowMilliseconds + 2 * 86_400_000
            #expect(try archive.write(.checkpoint(.sample()), at: later).failure == nil)
            let outcome = try archive.write(.progress(.sample(1)), at: later)
            #expect(outcome.failure == .damaged("a row of the history") && outcome.setAside != nil)
            #expect(try archive.write(.checkpoint(.sample()), at: later).failure == nil)
        }
    }

    @Test func aFileThatIsTakenAwayIsBegunAnew() throws {
        let place = try filled()
        try place.withArchive { archive, _ in
            for name in try place.names { try FileManager.default.removeItem(atPath: "\(place.directory)/\(name)") }
            let outcome = try archive.write(.progress(.sample(1)))
            #expect(outcome.failure == .damaged("\(place.path) was removed") && outcome.setAside == "")
            #expect(try archive.write(.checkpoint(.sample())).failure == nil)
        }
        try place.withArchive { _, opened in #expect(opened.saved.checkpoint == .sample()) }
    }

    @Test func aFileThatIsReplacedIsLeftAlone() throws {
        let (place, other) = (try filled(), try filled())
        try place.withArchive { archive, _ in
            try FileManager.default.removeItem(atPath: place.path)
            try FileManager.default.copyItem(atPath: other.path, toPath: place.path)
            guard case .cannotOpen? = try archive.write(.progress(.sample(1))).failure else {
                throw TestFailure("it wrote into a file that it does not know")
            }
        }
        #expect(try Data(contentsOf: URL(filePath: place.path)) == Data(contentsOf: URL(filePath: other.path)))
    }

    @Test func afterFiveDamagedFilesItIsTheDisk() throws {
        let place = try filled()
        try place.withArchive { archive, _ in
            for _ in 0..<ArchiveFile.setAsideMax {
                _ = try archive.setAside(because: "test", at: Place.nowMilliseconds)
            }
            #expect(throws: ArchiveFailure.self) { try archive.setAside(because: "test", at: Place.nowMilliseconds) }
        }
        #expect(try place.names.filter { $0.contains(Self.stamp) }.count == ArchiveFile.setAsideMax)
    }

    // MARK: - Not ours

    @Test func aForeignDatabaseIsNotTouched() throws {
        let place = Place()
        try place.sql { try $0.execute(sql: "CREATE TABLE wallet (key TEXT)") }
        let before = try Data(contentsOf: URL(filePath: place.path))
        guard case .foreign? = failure(place.archive()) else { throw TestFailure("accepted") }
        #expect(try Data(contentsOf: URL(filePath: place.path)) == before)
        #expect(throws: HistoryFailure.self) { try HistoryReader(path: place.path).workerID(named: "a") }
        #expect(try place.names == ["statistics.sqlite"])
    }

    @Test func aFileThatIsNoDatabaseIsNotTouched() throws {
        let place = Place()
        let text = Data("my diary\n".utf8)
        try text.write(to: URL(filePath: place.path))
        guard case .foreign? = failure(place.archive()) else { throw TestFailure("accepted") }
        // Once more: our own lock beside it is no proof that it is ours.
        guard case .foreign? = failure(place.archive()) else { throw TestFailure("accepted") }
        #expect(try Data(contentsOf: URL(filePath: place.path)) == text)
        guard case .foreign? = failure(Archive(path: "/dev/null", historyDays: 1)) else {
            throw TestFailure("accepted")
        }
    }

    @Test func aNewerVersionIsRefusedAndNotTouched() throws {
        let place = try filled()
        try place.sql { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')") }
        let before = try Data(contentsOf: URL(filePath: place.path))
        let expected = ArchiveFailure.newer(
            "\(place.path) was written by a newer version of Millrace; this one cannot use it")
        #expect(failure(place.archive()) == expected && !expected.mayPass)
        #expect(try Data(contentsOf: URL(filePath: place.path)) == before)
        #expect(throws: HistoryFailure.unavailable(expected.description)) {
            try HistoryReader(path: place.path).workerID(named: "a")
        }
    }

    @Test func twoCollectorsDoNotShareAFile() throws {
        let place = Place()
        try place.withArchive { _, _ in
            let expected = "\(place.path) is in use by another collector (process \(getpid()))"
            #expect(failure(place.archive()) == .busy(expected))
        }
        #expect(failure(place.archive()) == nil, "its lock goes with it")
    }

    // MARK: - No room, no permission

    @Test func aFullDiskLosesNothingThatWasCommitted() throws {
        let place = Place()
        let archive = place.archive(pagesMax: 40)
        _ = try archive.open(at: Place.nowMilliseconds)
        try archive.write(.checkpoint(.sample()))
        let outcome = try archive.write(.checkpoint(.sample(workers: 5_000)))
        #expect(outcome.failure == .cannotWrite("database or disk is full (SQLite error 13)"))
        #expect(outcome.setAside == nil && outcome.commit == .checkpoint(.sample(workers: 5_000)))
        // What fits still goes in, and the file is whole.
        #expect(try archive.write(.progress(.sample(1))).failure == nil)
        archive.close(waitMilliseconds: 10_000)
        try place.withArchive { archive, opened throws in
            #expect(opened.saved.checkpoint == .afterProgress && opened.saved.journal.count == 2)
            #expect(try archive.write(.checkpoint(.sample(workers: 5_000))).failure == nil, "there is room again")
        }
    }

    @Test func somebodyInTheMiddleOfAChangeIsWaitedForNotForEver() throws {
        let place = try filled()
        try place.withArchive { archive, _ in
            let other = try DatabaseQueue(path: place.path)
            try other.writeWithoutTransaction { db in
                try db.execute(sql: "BEGIN IMMEDIATE")
                guard case .busy? = try archive.write(.progress(.sample(1))).failure else {
                    throw TestFailure("it wrote")
                }
                try db.execute(sql: "ROLLBACK")
            }
            #expect(try archive.write(.progress(.sample(1))).failure == nil)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
    func aDirectoryWithoutPermissionIsNamed() throws {
        let place = Place()
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: place.directory)
        #expect(
            failure(place.archive())
                == .cannotOpen("cannot open \(place.path).lock: Permission denied"))
    }

    @Test func placesThatCannotBeAreNamed() throws {
        let place = Place()
        try Data().write(to: URL(filePath: place.directory + "/file"))
        let failed = failure(Archive(path: place.directory + "/file/statistics.sqlite", historyDays: 1))
        #expect(failed == .cannotOpen("cannot open \(place.directory)/file/statistics.sqlite.lock: Not a directory"))
        #expect(failure(Archive(path: "/proc/none/statistics.sqlite", historyDays: 1))?.mayPass == true)
        #expect(failure(Archive(path: place.directory, historyDays: 1)) != nil)
    }

    @Test func aMissingDirectoryIsMade() throws {
        let place = Place()
        #expect(failure(Archive(path: place.directory + "/a/b/statistics.sqlite", historyDays: 1)) == nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: place.directory + "/a/b")
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }
}
