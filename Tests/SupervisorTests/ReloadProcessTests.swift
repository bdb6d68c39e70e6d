import Control
import Foundation
import Glibc
import TestSupport
import Testing

/// Changes of the configuration of a running service: by its file, by signal, over the socket.
@Suite struct ReloadProcessTests {
    private func served(_ service: SupervisedService) throws -> String {
        guard case .configuration(let document) = try service.ask(.configuration) else { return "" }
        return document
    }

    private func onDisk(_ service: SupervisedService) throws -> String {
        try String(contentsOf: service.file, encoding: .utf8)
    }

    /// Waits until planned restarts are done and the shards have been started with this number of retries.
    private func waitForRetries(
        _ number: Int, _ service: SupervisedService, _ location: SourceLocation = #_sourceLocation
    ) throws {
        service.wait(location) { service in
            guard let status = try? service.status(), status.restarting.isEmpty else { return false }
            return ["worker0", "worker1"].allSatisfy { who in
                (try? service.settings(of: who))?["retries"] as? Int == number
            }
        }
    }

    private func stop(_ service: SupervisedService, _ location: SourceLocation = #_sourceLocation) {
        #expect(service.stop() == 0, sourceLocation: location)
    }

    @Test func aHangUpReadsTheFileAgainAndReplacesTheShardsOneByOne() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false, \"retries\": 5"))
        try service.write(SupervisedService.file("\"watch\": false, \"retries\": 6"))
        service.send(SIGHUP)
        try waitForRetries(6, service)
        for other in ["collector", "gateway"] { #expect(service.processes(of: other).count == 1) }
        #expect(service.logText.contains("SIGHUP: now in force: retries"))
        #expect(try service.status().children.map(\.restarts) == [0, 1, 1, 0])
        #expect(service.stop() == 0)
    }

    @Test func aChangedFileIsNoticedEvenIfTheEditorRenames() throws {
        let service = try SupervisedService.runningFromFile()
        try service.write(SupervisedService.file("\"retries\": 7"))  // a new file, renamed
        try waitForRetries(7, service)
        let handle = try FileHandle(forWritingTo: service.file)  // and the same file, overwritten
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(SupervisedService.file("\"retries\": 8").utf8))
        try handle.close()
        try waitForRetries(8, service)
        #expect(service.stop() == 0)
    }

    @Test func theGatewayComesAndGoesWithItsKeyAndNobodyElseNotices() throws {
        let service = try SupervisedService.runningFromFile()
        let off = SupervisedService.file().replacing("\"enabled\": true", with: "\"enabled\": false")
        try service.write(off)
        #expect(try service.ask(.reload) == .done)
        service.wait { (try? $0.status().children.contains { $0.kind == .gateway }) == false }
        try service.write(SupervisedService.file())
        #expect(try service.ask(.reload) == .done)
        service.wait { (try? $0.status().children.last?.state) == .ready }
        #expect(service.processes(of: "gateway").count == 2)
        for other in ["collector", "worker0", "worker1"] { #expect(service.processes(of: other).count == 1) }
        #expect(service.stop() == 0)
    }

    static let badFiles: [(text: String, reason: String)] = [
        ("", "config.json:1:1: the file is empty, expected '{'"),
        ("{\n  \"pools\": [\n", "config.json:3:1: the file ends, but the '['"),
        ("[]", "config.json:1:1: expected an object"),
        (
            SupervisedService.file("\"api\": {\"port\": 70000}"),
            "config.json:7:21: api.port: expected a number from 0 to 65535, found 70000"
        ),
        (
            SupervisedService.file("\"bind\": [\"localhost:1\"]").replacing("\"bind\": [\"127.0.0.1:0\"],", with: ""),
            "config.json:7:14: bind[0]: expected a numeric address"
        ),
        (
            SupervisedService.file().replacing("127.0.0.1:1\"", with: "127.0.0.1:99999\""),
            "config.json:3:23: pools[0].url: expected a port from 1 to 65535"
        ),
        ("{\n\"pools\": []\n}", "config.json:2:10: pools: no pool is enabled"),
        (
            SupervisedService.file().replacing("\"shards\": 2", with: "\"shards\": 0"),
            "config.json:6:28: millrace.shards: expected"
        ),
        (SupervisedService.file("\"retries\": 5 \"retry-pause\": 1"), "config.json:7:18: expected ',' or '}'"),
        (
            SupervisedService.file("\"access-password\": 7"),
            "config.json:7:24: access-password: expected a string, found a number"
        ),
    ]

    @Test func badFilesAreRefusedWithLineAndReasonAndTheServiceIsUntouched() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false"))
        let before = try served(service)
        for bad in Self.badFiles {
            try service.write(bad.text)
            let refusal = try service.refusal(of: .reload)
            #expect(refusal.kind == .invalid)
            #expect(refusal.lines.contains { $0.contains(bad.reason) }, "\(bad.reason): \(refusal.lines)")
            #expect(try service.status().configuration.lastRefusal == refusal.lines)
            #expect(service.logText.contains(refusal.lines[0]))
        }
        #expect(try served(service) == before)
        #expect(try service.status().children.map(\.restarts) == [0, 0, 0, 0])
        try service.write(SupervisedService.file("\"watch\": false"))
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().configuration.lastRefusal == [])
        #expect(service.stop() == 0)
    }

    @Test func aFileThatHasBecomeAPipeOrIsGoneHoldsUpNobody() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false"))
        unlink(service.file.path)
        let gone = try service.refusal(of: .reload)
        #expect(gone.lines[0].contains("config.json: cannot be read: No such file or directory"))
        #expect(mkfifo(service.file.path, 0o600) == 0)
        _ = try service.refusal(of: .reload)
        #expect(try service.status().children.map(\.restarts) == [0, 0, 0, 0])
        #expect(service.stop() == 0)
    }

    @Test func theLogGoesOnInAnotherFileAndAnotherForm() throws {
        let service = try SupervisedService()
        let first = service.scratch.file("first.log").path
        let second = service.scratch.file("second.log").path
        try service.startFromFile(SupervisedService.file("\"retries\": 5, \"log-file\": \"\(first)\""))
        service.waitUntilReady()
        try service.write(
            SupervisedService.file("\"retries\": 9, \"log-file\": \"\(second)\"")
                .replacing("\"shards\": 2", with: "\"shards\": 2, \"log-format\": \"json\""))
        #expect(try service.ask(.reload) == .done)
        try waitForRetries(9, service)
        func lines(_ path: String) -> [String] {
            ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
        }
        service.wait { _ in lines(second).contains { $0.hasPrefix("{") && $0.contains("planned restarts done") } }
        #expect(lines(first).contains { $0.contains("now in force") })
        #expect(!lines(first).contains { $0.contains("planned restarts done") })
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(service.processID)/fd")
        let open = descriptors.compactMap { name in
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(service.processID)/fd/\(name)")
        }
        #expect(open.contains(second) && !open.contains(first))
        #expect(service.stop() == 0)
    }

    // MARK: - Over the socket

    @Test func aDocumentIsWrittenAndAppliedAndItsSecretsStay() throws {
        let service = try SupervisedService.runningFromFile()
        chmod(service.file.path, 0o640)
        let document = try served(service)
        for secret in ["pool-secret", "api-secret"] { #expect(!document.contains(secret)) }

        let text = try onDisk(service)
        #expect(try service.ask(.configure(document: document)) == .done)
        #expect(try onDisk(service) == text, "what changes nothing writes nothing")

        let changed = document.replacing("\"retries\": 5", with: "\"retries\": 11")
        #expect(try service.ask(.configure(document: changed)) == .done)
        try waitForRetries(11, service)
        let written = try onDisk(service)
        #expect(written.contains("pool-secret") && written.contains("api-secret") && !written.contains("***"))
        var facts = stat()
        #expect(stat(service.file.path, &facts) == 0 && facts.st_mode & 0o777 == 0o640)
        let pools = try service.settings(of: "worker0")["pools"] as? [[String: Any]]
        #expect(pools?.first?["user"] as? String == "wallet-of-ann")
        let files = try FileManager.default.contentsOfDirectory(atPath: service.scratch.path)
        #expect(!files.contains { $0.contains(".new-") })
        // The watcher ignores the supervisor's own write.
        usleep(2_000_000)
        #expect(!service.logText.contains("has changed: "))
        #expect(try service.status().children.map(\.restarts) == [0, 1, 1, 0])
        #expect(service.stop() == 0)
    }

    @Test func aBadDocumentChangesNeitherServiceNorFile() throws {
        let service = try SupervisedService.runningFromFile()
        let text = try onDisk(service)
        let bad = try served(service).replacing("\"access-password\": null", with: "\"access-password\": 7")
        let refusal = try service.refusal(of: .configure(document: bad))
        #expect(refusal.kind == .invalid && refusal.lines.count == 1)
        #expect(refusal.lines[0].contains("access-password: expected a string, found a number"))
        #expect(try onDisk(service) == text)
        #expect(try service.status().children.map(\.restarts) == [0, 0, 0, 0])
        #expect(service.stop() == 0)
    }

    @Test func aFileThatSomebodyIsEditingIsNotOverwritten() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false, \"retries\": 5"))
        let document = try served(service).replacing("\"retries\": 5", with: "\"retries\": 6")
        let edited = SupervisedService.file("\"watch\": false, \"retries\": 7")
        try service.write(edited)
        let refusal = try service.refusal(of: .configure(document: document))
        #expect(refusal.kind == .impossible && refusal.lines[0].contains("has been changed since it was read"))
        #expect(try onDisk(service) == edited)
        #expect(service.stop() == 0)
    }

    @Test func withoutAutosaveADocumentIsAppliedAndNotWritten() throws {
        let service = try SupervisedService.runningFromFile(
            SupervisedService.file("\"autosave\": false, \"retries\": 5"))
        let text = try onDisk(service)
        let document = try served(service).replacing("\"retries\": 5", with: "\"retries\": 6")
        #expect(try service.ask(.configure(document: document)) == .done)
        try waitForRetries(6, service)
        #expect(try onDisk(service) == text)
        #expect(try served(service).contains("\"retries\": 6"))
        #expect(service.stop() == 0)
    }

    // MARK: - Without a configuration file

    @Test func aServiceOfOptionsKeepsADocumentInItsRunDirectory() throws {
        let service = try SupervisedService.running(["-p", "pool-secret"])
        let document = try served(service)
        #expect(document.contains("\"user\": \"nobody\"") && !document.contains("pool-secret"))
        #expect(try service.ask(.configure(document: document)) == .done)
        let file = URL(filePath: service.runDirectory).appending(path: "config.json")
        #expect(!FileManager.default.fileExists(atPath: file.path), "what changes nothing writes nothing")

        let changed = document.replacing("nobody", with: "somebody")
            .replacing("\"retries\": 2", with: "\"retries\": 11")
        #expect(try service.ask(.configure(document: changed)) == .done)
        try waitForRetries(11, service)
        let pools = try service.settings(of: "worker1")["pools"] as? [[String: Any]]
        #expect(pools?.first?["user"] as? String == "somebody")
        #expect(pools?.first?["password"] as? String == "pool-secret")
        var facts = stat()
        #expect(stat(file.path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        #expect(try service.status().configuration.file == file.path)
        let kept = try String(contentsOf: file, encoding: .utf8)
        #expect(!kept.contains("***") && !kept.contains("http"))
        // A reload reads the document; the overridden options stay overridden.
        #expect(try service.ask(.reload) == .done)
        #expect(try served(service).contains("\"user\": \"somebody\""))
        #expect(service.stop() == 0)

        // At the next start the options apply again, and the document for the other settings.
        let next = try SupervisedService()
        try FileManager.default.createDirectory(atPath: next.runDirectory, withIntermediateDirectories: true)
        chmod(next.runDirectory, 0o700)
        try FileManager.default.copyItem(atPath: file.path, toPath: next.runDirectory + "/config.json")
        try next.start(["-p", "pool-secret"])
        next.waitUntilReady()
        #expect(try served(next).contains("\"user\": \"nobody\""))
        #expect(try next.settings(of: "worker0")["retries"] as? Int == 11)
        #expect(next.logText.contains("config.json: received over the API earlier"))
        stop(next)
    }

    @Test func aDocumentThatIsDamagedInTheRunDirectoryIsNamedAtTheStart() throws {
        let service = try SupervisedService()
        try FileManager.default.createDirectory(atPath: service.runDirectory, withIntermediateDirectories: true)
        chmod(service.runDirectory, 0o700)
        try Data("{\n\"access-password\": 7}".utf8).write(to: URL(filePath: service.runDirectory + "/config.json"))
        try service.start()
        #expect(service.exitCode() == 2)
        #expect(service.logText.contains("run/config.json:2:20: error: access-password: expected"))
    }

    @Test func aDocumentThatIsNotAFileOfOursIsNotRead() throws {
        let service = try SupervisedService()
        try FileManager.default.createDirectory(atPath: service.runDirectory, withIntermediateDirectories: true)
        let elsewhere = service.scratch.file("elsewhere.json").path
        try Data("{}".utf8).write(to: URL(filePath: elsewhere))
        symlink(elsewhere, service.runDirectory + "/config.json")
        try service.start()
        #expect(service.exitCode() == 2)
        #expect(service.logText.contains("run/config.json: error: expected a file owned by user"))
    }

    @Test func aReloadPutsOptionsBackInForceOverADocumentThatWasNotSaved() throws {
        let service = try SupervisedService.running()
        let off = try served(service).replacing("\"autosave\": true", with: "\"autosave\": false")
        #expect(try service.ask(.configure(document: off)) == .done)
        let kept = try String(contentsOfFile: service.runDirectory + "/config.json", encoding: .utf8)
        let changed = try served(service).replacing("nobody", with: "somebody")
            .replacing("\"retries\": 2", with: "\"retries\": 12")
        #expect(try service.ask(.configure(document: changed)) == .done)
        try waitForRetries(12, service)
        #expect(try String(contentsOfFile: service.runDirectory + "/config.json", encoding: .utf8) == kept)
        // A reload discards the change, and the options apply again.
        #expect(try service.ask(.reload) == .done)
        try waitForRetries(2, service)
        #expect(try served(service).contains("\"user\": \"nobody\""))
        #expect(service.stop() == 0)
    }
}
