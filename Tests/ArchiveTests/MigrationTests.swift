import Foundation
import GRDB
import Telemetry
import TestSupport
import Testing

@testable import Archive

/// Files of every released version, kept as they were written then, open in this one.
struct MigrationTests {
    private static let golden = GoldenFiles("Tests/ArchiveTests/Golden")

    private func place(of version: Int) throws -> Place {
        let place = Place()
        let file = Self.golden.file("version-\(version).sqlite")
        // The file of a version is recorded once, before its release: `script/golden` makes it where there is none.
        if GoldenFiles.areUpdated, !FileManager.default.fileExists(atPath: file.path) {
            try place.withArchive { archive, _ in
                var checkpoint = SavedCheckpoint.sample()
                checkpoint.history = [
                    HistoryDelta(series: .worker(1), point: HistoryPoint(time: Place.now, accepted: 3, hashes: 300_000))
                ]
                try archive.write(.checkpoint(checkpoint))
                try archive.write(.progress(.sample(1)))
            }
            try Data(contentsOf: URL(filePath: place.path)).write(to: file)
        }
        try? FileManager.default.removeItem(atPath: place.path)
        try FileManager.default.copyItem(at: file, to: URL(filePath: place.path))
        return place
    }

    private static let versions = [1]

    @Test(arguments: versions)
    func aFileOfAnOlderVersionHoldsWhatItHeld(_ version: Int) throws {
        let place = try place(of: version)
        try place.withArchive { archive, opened in
            #expect(opened.setAside == nil)
            #expect(opened.saved.checkpoint == .afterProgress)
            #expect(opened.saved.journal == SavedProgress.sample(1).journal)
            let points = try HistoryReader(path: place.path)
                .points(of: .worker(1), from: Place.now, to: Place.now + 60, step: 60)
            #expect(points == [HistoryPoint(time: Place.now, accepted: 3, hashes: 300_000)])
            let outcome = try archive.write(.checkpoint(.sample()))
            #expect(outcome.failure == nil)
        }
    }

    @Test func theNextVersionWillTakeItOver() throws {
        let place = try place(of: 1)
        var settings = ArchiveSettings(path: place.path, historyDays: 30)
        settings.migrator.registerMigration("2") { db in
            try db.execute(sql: "ALTER TABLE worker ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")
        }
        let archive = Archive(settings)
        #expect(try archive.open(at: Place.nowMilliseconds).saved.checkpoint == .afterProgress)
        archive.close(waitMilliseconds: 10_000)
        #expect(try place.sql { try String.fetchOne($0, sql: "SELECT note FROM worker") } == "none")
        // And this one will not touch it any more.
        #expect(throws: ArchiveFailure.self) { try place.archive().open(at: Place.nowMilliseconds) }
    }

    /// A migration that fails leaves the file as it was.
    @Test func aMigrationIsAllOrNothing() throws {
        let place = try place(of: 1)
        var settings = ArchiveSettings(path: place.path, historyDays: 30)
        settings.migrator.registerMigration("2") { db in
            try db.execute(sql: "DELETE FROM worker")
            throw DatabaseError(resultCode: .SQLITE_FULL)
        }
        #expect(throws: ArchiveFailure.self) { try Archive(settings).open(at: Place.nowMilliseconds) }
        try place.withArchive { _, opened in #expect(opened.saved.checkpoint == .afterProgress) }
    }

    /// So that an edit of a released migration is noticed: the tables of a new file are those of the golden one.
    @Test func aNewFileHasTheTablesOfTheNewestGoldenOne() throws {
        let (old, new) = (try place(of: try #require(Self.versions.last)), Place())
        try new.withArchive { _, _ in }
        let sql = "SELECT sql FROM sqlite_master ORDER BY name"
        #expect(try old.sql { try String?.fetchAll($0, sql: sql) } == new.sql { try String?.fetchAll($0, sql: sql) })
    }
}
