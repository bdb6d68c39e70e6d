import Control
import Foundation
import Glibc
import Supervision
import TestSupport
import Testing

@testable import Supervisor

/// Limitations are shown as long as they last, and a verb finds the service that is meant.
@Suite struct DegradedTests {
    @Test func whatAProcessSaysOfItselfStaysInTheStatusUntilItsBeatNamesItNoMore() throws {
        let service = try SupervisedService()
        try service.set("collector", .degraded)
        try service.start()
        service.waitUntilReady()
        let texts = ["collector: statistics: off: disk full", "collector: API: port taken"]
        service.wait { (try? $0.status().degraded) == texts }
        #expect(try service.status().degradations?.map(\.process) == ["collector", "collector"])
        #expect(try service.status().degradations?.map(\.reason) == [.statistics, .api])
        let table = try service.command(["status", "--run-dir", service.runDirectory]).output
        #expect(table.contains("degraded:\n  \(texts[0])\n  \(texts[1])\n"))
        try Data().write(to: service.scratch.file("repaired"))
        service.wait { (try? $0.status().degraded) == [] }
        #expect(service.stop() == 0)
    }

    @Test func aLogFileThatCannotBeOpenedIsShownUntilItCan() throws {
        let service = try SupervisedService()
        let directory = service.scratch.file("logs")
        try service.startFromFile(
            SupervisedService.file("\"watch\": false, \"log-file\": \"\(directory.path)/millrace.log\""))
        service.waitUntilReady()
        let text = "supervisor: log file: \(directory.path)/millrace.log cannot be opened: No such file or directory"
        #expect(try service.status().degraded == [text])
        let known = [DegradedStatus(process: "supervisor", reason: .logFile, text: text)]
        #expect(try service.status().degradations == known)
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().degraded == [text])
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().degraded == [])
        // As if a log rotation had removed the directory.
        try FileManager.default.removeItem(at: directory)
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().degraded == [text])
        #expect(service.stop() == 0)
    }

    @Test func verbsFindTheServiceByTheEnvironmentUnlessAnOptionNamesOne() throws {
        let service = try SupervisedService.running()
        let environment = ["MILLRACE_RUN_DIR": service.runDirectory]
        #expect(try service.command(["status"], environment: environment).output.contains("shard 1"))
        #expect(try service.command(["restart", "1"], environment: environment).code == 0)
        let other = ["--run-dir", service.scratch.file("other").path]
        #expect(try service.command(["status"] + other, environment: environment).code == 3)
        #expect(try service.command(["status"], environment: ["MILLRACE_RUN_DIR": "/nonexistent"]).code == 3)
        #expect(service.stop() == 0)
    }

    @Test func whoAsksInTheWrongPlaceHearsOfTheServicesThatRun() throws {
        let service = try SupervisedService()
        let place = service.scratch.file("millrace-north").path
        try service.start(["--run-dir", place])
        service.waitUntilReady()
        // Two that are not services: an empty directory, and one whose supervisor has exited.
        for name in ["millrace-south", "millrace-dead"] {
            let path = service.scratch.file(name)
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
        }
        try Data().write(to: service.scratch.file("millrace-dead/control"))
        let parents = ["/nonexistent", service.scratch.path]
        let lines = FoundServices.lines(in: parents, except: "/run/millrace")
        #expect(
            lines == ["running services:", "  --run-dir \(place) (process \(service.processID), options only)"])
        #expect(FoundServices.lines(in: parents, except: place) == [])

        let asked = try service.command(
            ["status", "--run-dir", "/nonexistent"], environment: ["XDG_RUNTIME_DIR": service.scratch.path])
        #expect(asked.code == 3)
        #expect(asked.complaints.contains("no service answers at /nonexistent/control"))
        #expect(asked.complaints.contains("--run-dir \(place) (process"))
        #expect(service.stop() == 0)
    }

    @Test func defaultPlacesAreThoseOfTheDocument() {
        #expect(FoundServices.parents(environment: [:], userID: 1_000) == ["/run", "/run/user/1000", "/tmp"])
        let relative = FoundServices.parents(environment: ["XDG_RUNTIME_DIR": "r"], userID: 7)
        #expect(relative == ["/run", "/run/user/7", "/tmp"])
        let given = FoundServices.parents(environment: ["XDG_RUNTIME_DIR": "/r"], userID: 7)
        #expect(given == ["/run", "/r", "/tmp"])
    }

    @Test(arguments: [
        ([ChildName.shard(0)], "shard 0 replaced in 1.2 s"),
        ([.collector, .shard(0), .shard(1), .shard(0)], "shards 0, 1 and collector replaced in 1.2 s"),
        ([.collector, .gateway], "collector and gateway replaced in 1.2 s"),
    ])
    func plannedRestartsAreOneLine(names: [ChildName], line: String) {
        var round = RestartRound(at: 5_000)
        for name in names { round.begin(name) }
        #expect(round.summary(at: 6_299) == line)
    }

    @Test func theLogHasOneSummaryOfARestart() throws {
        let service = try SupervisedService.running()
        #expect(try service.command(["restart", "all", "--run-dir", service.runDirectory]).code == 0)
        let line = "planned restarts done: shards 0, 1 and collector and gateway replaced in "
        service.wait { $0.logText.contains(line) }
        for step in ["successor", "make room"] { #expect(!service.logText.contains(step)) }
        #expect(service.stop() == 0)
    }
}
