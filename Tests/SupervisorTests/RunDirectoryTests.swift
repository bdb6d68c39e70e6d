import Control
import DaemonKit
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Supervisor

/// Which run directories are accepted, what is removed from them, and what happens when one is cleaned.
@Suite struct RunDirectoryTests {
    private func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private func prepared(_ body: (String) throws -> Void) throws -> SupervisedService {
        let service = try SupervisedService()
        mkdir(service.runDirectory, 0o700)
        try body(service.runDirectory)
        return service
    }

    // MARK: - Ownership

    @Test(arguments: ["directory", "FIFO", "link", "socket"])
    func aDirectoryThatIsForOthersTooIsRefusedAndLeftAlone(stranger: String) throws {
        let service = try prepared { run in
            try LocalSocket.leaveFile(at: run + "/snapshots")
            switch stranger {
            case "directory": mkdir(run + "/lock", 0o700)
            case "FIFO": mkfifo(run + "/initctl", 0o600)
            case "link": symlink("/etc/passwd", run + "/shard-0.events")
            default: try LocalSocket.leaveFile(at: run + "/acpid.socket")
            }
        }
        try service.start()
        #expect(service.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(service.logText.contains("which is not a file of Millrace; choose an empty directory"))
        #expect(exists(service.runDirectory + "/snapshots"))
    }

    @Test func aLinkIsRefused() throws {
        let service = try SupervisedService()
        let elsewhere = service.scratch.file("elsewhere").path
        mkdir(elsewhere, 0o700)
        try LocalSocket.leaveFile(at: elsewhere + "/control")
        symlink(elsewhere, service.runDirectory)
        try service.start()
        #expect(service.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(service.logText.contains("is a symbolic link"))
        #expect(exists(elsewhere + "/control"))
    }

    @Test func onlySocketsOfOurNamesAreRemoved() throws {
        let kept = ["other.socket", "shard-01.events", "shard-0.events.old", "shard-70000.replay", "xcontrol"]
        let removed = ["snapshots", "shard-0.events", "shard-63.replay", "collector.events"]
        let service = try prepared { run in
            try Data().write(to: URL(filePath: run + "/lock"))
            for name in kept + removed { try LocalSocket.leaveFile(at: run + "/" + name) }
            // By our names, and no sockets.
            try Data("x".utf8).write(to: URL(filePath: run + "/shard-7.events"))
            symlink(run + "/other.socket", run + "/shard-8.events")
        }
        try service.start()
        service.waitUntilReady()
        for name in removed { #expect(!exists(service.runDirectory + "/" + name), "\(name)") }
        #expect(service.stop() == 0)
        for name in kept + ["shard-7.events", "shard-8.events"] {
            #expect(exists(service.runDirectory + "/" + name), "\(name)")
        }
        #expect(!exists(service.runDirectory + "/supervisor.pid"))
    }

    // MARK: - Cleaned while it runs

    @Test(arguments: [["control"], ["lock"], ["supervisor.pid", "lock"], ["control", "lock", "supervisor.pid"]])
    func whatIsRemovedIsMadeAgain(names: [String]) throws {
        let service = try SupervisedService.running()
        for name in names { unlink(service.runDirectory + "/" + name) }
        service.wait { service in names.allSatisfy { exists(service.runDirectory + "/" + $0) } }
        service.wait { $0.logText.contains("recreated files that were removed") }
        #expect(try service.status().degraded?.isEmpty != false)
        let second = try SupervisedService()
        try second.start(["--run-dir", service.runDirectory])
        #expect(second.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(second.logText.contains("another Millrace (process \(service.processID)) uses this run directory"))
        #expect(service.stop() == 0)
        #expect(!exists(service.runDirectory + "/control"))
    }

    @Test func aRemovedDirectoryIsMadeAgain() throws {
        let service = try SupervisedService.running()
        for _ in 0..<2 {
            try FileManager.default.removeItem(atPath: service.runDirectory)
            service.wait { exists($0.runDirectory + "/control") }
            let mode = try FileManager.default.attributesOfItem(atPath: service.runDirectory)[.posixPermissions]
            #expect(mode as? Int == 0o700)
        }
        #expect(service.events.filter { $0.what == "left" }.isEmpty)
        #expect(service.stop() == 0)
    }

    @Test func whereItCannotBeMadeAgainThatIsToldAndTheServiceContinues() throws {
        let service = try SupervisedService.running()
        try FileManager.default.removeItem(atPath: service.runDirectory)
        try Data().write(to: URL(filePath: service.runDirectory))
        service.wait { $0.logText.contains("run directory unusable, trying again each second; mining continues") }
        #expect(service.events.filter { $0.what == "left" }.isEmpty)
        unlink(service.runDirectory)
        service.wait { $0.logText.contains("usable again") }
        #expect(try service.status().degraded?.isEmpty != false)
        #expect(service.stop() == 0)
    }

    // MARK: - A second instance

    @Test(arguments: [["lock"], ["lock", "control"], ["lock", "supervisor.pid"]])
    func aSecondInstanceSparesTheFirstOneWhoseLockIsGone(names: [String]) throws {
        let first = try SupervisedService.running()
        // It must not make its lock again before the second one has looked.
        first.send(SIGSTOP)
        for name in names { unlink(first.runDirectory + "/" + name) }
        let second = try SupervisedService()
        try second.start(["--run-dir", first.runDirectory])
        #expect(second.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(second.logText.contains("uses this run directory"))
        first.send(SIGCONT)
        first.wait { service in names.allSatisfy { exists(service.runDirectory + "/" + $0) } }
        #expect(first.events.filter { $0.what == "left" }.isEmpty)
        #expect(try first.status().children.allSatisfy { $0.restarts == 0 })
        #expect(first.stop() == 0)
    }

    /// The process id was reused by another process.
    @Test func anotherProcessWithTheIdOfADeadSupervisorKeepsNobodyAway() throws {
        let service = try prepared { run in
            try Data("\(getpid()) 1\n".utf8).write(to: URL(filePath: run + "/supervisor.pid"))
        }
        try service.start()
        service.waitUntilReady()
        #expect(service.logText.contains("process \(getpid()) crashed or was killed"))
        #expect(service.stop() == 0)
    }

    // MARK: - Orphaned children

    /// Processes with the mark of a run directory in their environment that do not belong to the service.
    @Test(arguments: [
        ["sleep", "20"], ["sh", "-c", "sleep 20; true"],
        ["sh", "-c", "trap '' TERM; sleep 20; true", "millrace-worker"],
    ])
    func decoysAreNeitherWaitedForNorKilled(command: [String]) throws {
        let service = try prepared { run in
            try Data("999999 1\n".utf8).write(to: URL(filePath: run + "/supervisor.pid"))
        }
        let decoy = Process()
        decoy.executableURL = URL(filePath: "/usr/bin/env")
        decoy.arguments = command
        decoy.environment = ["MILLRACE_CHILD_OF": service.runDirectory, "PATH": "/usr/bin:/bin"]
        try decoy.run()
        defer { kill(decoy.processIdentifier, SIGKILL) }
        usleep(100_000)
        let began = Date()
        try service.start()
        service.waitUntilReady()
        #expect(Date().timeIntervalSince(began) < 4)
        #expect(decoy.isRunning)
        #expect(service.stop() == 0)
    }

    @Test func aProcessThatWasStartedBeforeTheSupervisorIsNoLeftover() throws {
        let service = try SupervisedService.running()
        let worker = try #require(service.processes(of: "worker1").first)
        let facts = try #require(ProcessFacts(of: worker))
        let (same, later) = (facts.startedAt, facts.startedAt + 1)
        let directory = service.runDirectory
        #expect(OrphanedChildren(of: directory, supervisorStartedAt: same).processes.contains { $0.id == worker })
        #expect(!OrphanedChildren(of: directory, supervisorStartedAt: later).processes.contains { $0.id == worker })
        #expect(OrphanedChildren(of: directory + "x", supervisorStartedAt: 0).processes.isEmpty)
        #expect(service.stop() == 0)
    }
}
