import DaemonKit
import Foundation
import Glibc
import TestSupport
import Testing

/// The life of a whole service, with the real supervisor and stand-ins for its children.
@Suite struct ServiceProcessTests {
    @Test func everythingStartsInOrderAndStopsInReverse() throws {
        let service = try SupervisedService.running()
        let started = service.events.map { "\($0.who) \($0.what)" }
        #expect(started.prefix(2) == ["collector start", "collector ready"])
        #expect(
            started.dropFirst(2).prefix(4).sorted() == [
                "worker0 ready", "worker0 start", "worker1 ready", "worker1 start",
            ])
        #expect(started.suffix(2) == ["gateway start", "gateway ready"])

        #expect(service.stop() == ExitCode.stopped.rawValue)
        let left = service.events.filter { $0.what == "left" }.map(\.who)
        #expect(left.first == "gateway" && left.last == "collector" && left.count == 4, "\(left)")
        let rest = try FileManager.default.contentsOfDirectory(atPath: service.scratch.file("run").path)
        #expect(rest.sorted() == ["cert.pem", "cert_key.pem", "lock"])
    }

    @Test(arguments: ["collector", "worker0", "gateway"])
    func aKilledChildIsBackSoonAndNobodyElseIsTouched(who: String) throws {
        let service = try SupervisedService.running()
        let others = ["collector", "worker0", "worker1", "gateway"].filter { $0 != who }
        let begun = ContinuousClock.now
        kill(try #require(service.processes(of: who).first), SIGKILL)
        service.wait { $0.events.filter { $0.who == who && $0.what == "ready" }.count == 2 }
        #expect(ContinuousClock.now - begun < .seconds(2))
        for other in others { #expect(service.processes(of: other).count == 1) }
        service.wait { $0.logText.contains("was killed by SIGKILL; restarting") }
        #expect(service.stop() == 0)
    }

    @Test func aChildThatKeepsCrashingIsStartedAgainAtGrowingIntervalsWhileTheOthersServe() throws {
        let service = try SupervisedService()
        try service.set("worker1", .crash)
        try service.start()
        service.waitUntilReady()
        #expect(service.logText.contains("1 of 2 shards serving"))
        service.wait { $0.processes(of: "worker1").count >= 4 }
        #expect(service.processes(of: "worker0").count == 1)
        #expect(service.logText.contains("shard 1 exited with code 1"))
        try service.set("worker1", .good)
        service.wait { $0.events.contains { $0.who == "worker1" && $0.what == "ready" } }
        #expect(service.stop() == 0)
    }

    @Test func aShardThatRefusesToRunLosesItsSocketsToTheOthers() throws {
        let service = try SupervisedService()
        try service.set("worker1", .refuse)
        try service.start()
        service.waitUntilReady()
        service.wait { $0.logText.contains("shard 1 has failed: exited with code 2") }
        #expect(service.logText.contains("a restart would not help; next attempt in 60 s"))
        #expect(service.processes(of: "worker1").count == 1)
        let port = String(format: ":%04X", service.port)
        service.wait { _ in self.listeners(on: port) == 1 }
        #expect(service.stop() == 0)
    }

    @Test func whenEveryShardRefusesTheServiceEndsWithTheirExitCode() throws {
        let service = try SupervisedService()
        try service.set("worker0", .refuse)
        try service.set("worker1", .refuse)
        try service.start()
        #expect(service.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(service.logText.contains("every shard has failed"))
        #expect(service.events.contains { $0.who == "collector" && $0.what == "left" })
    }

    @Test func aChildThatIgnoresSIGTERMIsKilledAndTheStopStillInOrder() throws {
        let service = try SupervisedService()
        try service.set("worker0", .deaf)
        try service.start()
        service.waitUntilReady()
        #expect(service.stop() == 0)
        #expect(service.logText.contains("did not exit in time; sending SIGKILL"))
        #expect(service.events.last?.who == "collector")
    }

    @Test func aSecondCtrlCKillsAtOnce() throws {
        let service = try SupervisedService()
        for who in ["gateway", "worker0", "worker1", "collector"] { try service.set(who, .deaf) }
        try service.start()
        service.waitUntilReady()
        let begun = ContinuousClock.now
        service.send(SIGINT)
        service.wait { $0.logText.contains("SIGINT: stopping") }
        service.send(SIGINT)
        #expect(service.exitCode() == 0)
        #expect(ContinuousClock.now - begun < .seconds(2))
        for event in service.events where event.what == "start" { #expect(!ProcessFiles.isAlive(event.process)) }
    }

    @Test func aStopWhileAChildIsStillStartingDoesNotWaitForIt() throws {
        let service = try SupervisedService()
        try service.set("collector", .mute)
        try service.start()
        service.wait { $0.events.contains { $0.who == "collector" } }
        #expect(service.stop() == 0)
        #expect(service.processes(of: "worker0").isEmpty)
    }

    @Test func aHangUpChangesNothing() throws {
        let service = try SupervisedService.running()
        service.send(SIGHUP)
        service.send(SIGUSR1)
        service.send(SIGUSR2)
        service.wait { $0.logText.contains("SIGHUP: there is no configuration file to read") }
        #expect(service.stop() == 0)
    }

    @Test func whenTheSupervisorIsKilledTheChildrenLeaveAndASuccessorStartsOnTheSamePort() throws {
        let service = try SupervisedService.running()
        let port = service.port
        service.send(SIGKILL)
        #expect(service.exitCode() == -SIGKILL)
        service.wait { $0.events.filter { $0.what == "left" }.count == 4 }

        let successor = try SupervisedService.running(["--run-dir", service.scratch.file("run").path], port: port)
        #expect(successor.logText.contains("crashed or was killed"))
        #expect(successor.stop() == 0)
    }

    @Test func leftoversThatDoNotLeaveAreEndedByTheSuccessor() throws {
        let service = try SupervisedService.running()
        let port = service.port
        let stopped = try #require(service.processes(of: "worker0").first)
        kill(stopped, SIGSTOP)
        service.send(SIGKILL)
        _ = service.exitCode()

        let successor = try SupervisedService.running(["--run-dir", service.scratch.file("run").path], port: port)
        #expect(!ProcessFiles.isAlive(stopped))
        #expect(successor.stop() == 0)
    }

    @Test func aChildGetsItsDescriptorsAndNoOther() throws {
        let service = try SupervisedService.running(["-b", "127.0.0.2:0"])
        // A shard has two listening sockets, the memory of its state, its end of the anchor's pair, and the table of addresses,
        // as the gateway has. The last one of collector and gateway belongs to `ls` itself; 10, which the shell reads the script
        // from, is left out.
        let expectations = [
            ("collector", "0 1 2 3 4 5 "), ("worker0", "0 1 2 3 4 5 6 7 8 9 "), ("gateway", "0 1 2 3 4 5 6 "),
        ]
        for (who, expected) in expectations {
            let path = service.scratch.file("descriptors-\(who)")
            #expect(try String(contentsOf: path, encoding: .utf8) == expected, "\(who)")
        }
        #expect(service.stop() == 0)
    }

    @Test func theServiceManagerIsToldAndTheChildrenKnowNothingOfIt() throws {
        let service = try SupervisedService()
        let manager = try NotifySocket(at: service.scratch.path + "/notify")
        try service.start(environment: ["NOTIFY_SOCKET": manager.path])
        service.waitUntilReady()
        #expect(service.stop() == 0)
        let words = manager.messages()
        #expect(words.count == 2 && words[0].hasPrefix("READY=1\n") && words[1].hasPrefix("STOPPING=1\n"), "\(words)")
        let environment = try String(
            contentsOf: service.scratch.file("environment-worker0"), encoding: .utf8)
        #expect(!environment.contains("NOTIFY_SOCKET"))
        #expect(environment.contains("SWIFT_BACKTRACE=enable=no"))
    }

    // MARK: - The system's view

    private func listeners(on port: String) -> Int {
        let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
        return table.split(separator: "\n").count { line in
            let words = line.split(separator: " ")
            return words.count > 3 && words[1].hasSuffix(port) && words[3] == "0A"
        }
    }
}
