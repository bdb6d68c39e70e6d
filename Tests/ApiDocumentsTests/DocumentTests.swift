import ApiFixtures
import Configuration
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments

@Suite struct DocumentTests {
    @Test func theSummaryIsTheSampleOfTheDescriptionToTheByte() throws {
        // But for the donation, of which Millrace takes none.
        let sample = try Golden.seedSamples().summary.replacing(#""donate_level": 2"#, with: #""donate_level": 0"#)
        let body = ClassicDocuments.summary(of: .ofSeed, identity: .ofSeed, uptime: 274)
        #expect(String(decoding: body, as: UTF8.self) == sample)
    }

    @Test func theWorkersAreTheSampleOfTheDescriptionToTheByte() throws {
        var snapshot = Snapshot.ofSeed
        snapshot.hashrates.oneMinute = 109
        let body = ClassicDocuments.workers(of: snapshot)
        #expect(try String(decoding: body, as: UTF8.self) == Golden.seedSamples().workers)
    }

    @Test func aFarmInAllDocuments() throws {
        let (farm, uptime) = (Snapshot.ofFarm, Snapshot.farmUptime)
        try Golden.expect(
            ClassicDocuments.summary(of: farm, identity: .ofFarm, uptime: uptime), equals: "classic-summary.json")
        try Golden.expect(ClassicDocuments.workers(of: farm), equals: "classic-workers.json")
        try Golden.expect(
            CurrentDocuments.summary(
                of: farm, identity: .ofFarm, isRestricted: true, machine: .ofFarm, uptime: uptime),
            equals: "summary.json")
        try Golden.expect(CurrentDocuments.workers(of: farm, naming: .rigID), equals: "workers.json")
    }

    @Test func nothingYetIsAValidDocumentOfZeros() throws {
        let nothing = Snapshot()
        try Golden.expect(
            ClassicDocuments.summary(of: nothing, identity: .ofFarm, uptime: 0), equals: "classic-summary-zero.json")
        #expect(
            ClassicDocuments.workers(of: nothing).contains(#""workers": []"#.utf8) == true)
        let current = CurrentDocuments.summary(
            of: nothing, identity: .ofFarm, isRestricted: true, machine: MachineReadings(), uptime: 0)
        let results = try #require(try parse(current)["results"] as? [String: Any])
        #expect(results["avg_time"] as? Int == 0)
        #expect((try parse(current)["upstreams"] as? [String: Any])?["ratio"] as? Double == 0)
    }

    /// A client that divides a total by the uptime gets the mean: both go back to the same beginning.
    @Test(arguments: [(60, 60), (86_400, 3_600), (31_536_000, 5)])
    func totalsAndUptimeHaveOneSpan(servedSeconds: UInt64, ageSeconds: UInt64) throws {
        var snapshot = Snapshot()
        snapshot.time = 1_790_000_000_000
        snapshot.startedAt = snapshot.time - ageSeconds * 1_000
        snapshot.servedMilliseconds = servedSeconds * 1_000
        snapshot.results.accepted = 7
        snapshot.results.hashesTotal = 100 * servedSeconds
        let view = ServiceView(snapshot: snapshot, time: snapshot.time)
        for body in [
            ClassicDocuments.summary(of: snapshot, identity: .ofFarm, uptime: view.uptime),
            CurrentDocuments.summary(
                of: snapshot, identity: .ofFarm, isRestricted: true, machine: .ofFarm, uptime: view.uptime),
        ] {
            let summary = try parse(body)
            let results = try #require(summary["results"] as? [String: Any])
            #expect(summary["uptime"] as? Int == Int(servedSeconds))
            #expect(results["hashes_total"] as? Int == 100 * Int(servedSeconds))
            #expect(results["avg_time"] as? Int == Int(servedSeconds) / 7)
        }
    }

    @Test func theErrorsArePlainTextsNewestFirst() throws {
        var log = ErrorLog()
        for text in ["Block expired", "Low difficulty share", "Block expired", "Unauthenticated", "Block expired"] {
            log.add(text)
        }
        var snapshot = Snapshot()
        snapshot.results.errors = log.entries
        let summary = ClassicDocuments.summary(of: snapshot, identity: .ofFarm, uptime: 1)
        let results = try #require(try parse(summary)["results"] as? [String: Any])
        #expect(
            results["error_log"] as? [String] == ["Block expired (3)", "Unauthenticated", "Low difficulty share"])
    }

    @Test func aWorkerThatLeftWithoutAShareIsListedInTheCurrentTableOnly() {
        let classic = ClassicDocuments.workers(of: .ofFarm)
        let current = CurrentDocuments.workers(of: .ofFarm, naming: .rigID)
        #expect(!classic.contains("visitor".utf8))
        #expect(classic.contains("laptop".utf8))
        #expect(current.contains("visitor".utf8))
    }

    @Test(arguments: Settings.WorkerNaming.allCases)
    func theCurrentTableNamesItsMode(naming: Settings.WorkerNaming) throws {
        #expect(try parse(CurrentDocuments.workers(of: .ofFarm, naming: naming))["mode"] as? String == naming.rawValue)
    }

    /// A name is whatever a stranger sent: it must come out as it went in, and break nothing.
    @Test(arguments: ["\"}],", "a\\b", "\u{0}\u{1}\u{1f}\n\r\t\u{7f}", "Schürfer 🛠", "\u{2028}</script>", ""])
    func anyNameSurvivesTheWay(name: String) throws {
        var snapshot = Snapshot()
        snapshot.results.errors = [.init(count: 1, text: name)]
        var row = Snapshot.WorkerRow(name: name, ip: "10.0.0.1")
        row.connections = 1
        snapshot.workers = [row]
        for body in [ClassicDocuments.workers(of: snapshot), CurrentDocuments.workers(of: snapshot, naming: .user)] {
            let rows = try #require(try parse(body)["workers"] as? [[Any]])
            #expect(rows.first?.first as? String == name)
            #expect(rows.first?.count == 13)
        }
        let summary = ClassicDocuments.summary(of: snapshot, identity: .ofFarm, uptime: 1)
        let results = try #require(try parse(summary)["results"] as? [String: Any])
        #expect(results["error_log"] as? [String] == [name])
    }

    private func parse(_ body: [UInt8]) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
    }
}
