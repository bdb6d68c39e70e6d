import Control
import Foundation
import Glibc
import TestSupport
import Testing

/// Duties of the supervisor towards a service manager, and as process 1 of a container.
@Suite struct DutyProcessTests {
    /// The first lines of what has arrived.
    private func firstLines(of manager: NotifySocket) -> [String] {
        manager.messages().map { $0.split(separator: "\n").first.map(String.init) ?? "" }
    }

    @Test func theServiceManagerIsToldOfAReloadUntilItIsDone() throws {
        let service = try SupervisedService()
        let manager = try NotifySocket(at: service.scratch.path + "/notify")
        try service.startFromFile(
            SupervisedService.file("\"watch\": false, \"retries\": 5"), environment: ["NOTIFY_SOCKET": manager.path])
        service.waitUntilReady()
        try service.write(SupervisedService.file("\"watch\": false, \"retries\": 6"))
        service.send(SIGHUP)
        service.wait { $0.logText.contains("planned restarts done") }
        // A reload that changes nothing, and one that is refused, end at once.
        service.send(SIGHUP)
        service.wait { $0.logText.contains("configuration unchanged") }
        try service.write("{")
        service.send(SIGHUP)
        service.wait { $0.logText.contains("the service continues unchanged") }
        #expect(service.stop() == 0)
        let reload = ["RELOADING=1", "READY=1"]
        #expect(firstLines(of: manager) == ["READY=1"] + reload + reload + reload + ["STOPPING=1"])
    }

    @Test func theWatchdogIsFedAndOnlyByTheOneItWatches() throws {
        let service = try SupervisedService()
        let manager = try NotifySocket(at: service.scratch.path + "/notify")
        try service.start(environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"])
        service.waitUntilReady()
        var words: [String] = []
        service.wait { _ in
            words += firstLines(of: manager)
            return words.count { $0 == "WATCHDOG=1" } >= 5
        }
        let environment = try String(
            contentsOf: service.scratch.file("environment-worker0"), encoding: .utf8)
        #expect(!environment.contains("WATCHDOG"))
        #expect(service.stop() == 0)

        let other = try SupervisedService()
        let second = try NotifySocket(at: other.scratch.path + "/notify")
        try other.start(
            environment: ["NOTIFY_SOCKET": second.path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"])
        other.waitUntilReady()
        usleep(300_000)
        #expect(other.stop() == 0)
        #expect(firstLines(of: second) == ["READY=1", "STOPPING=1"])
    }

    // MARK: - Process 1

    private static let container = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]

    /// Whether this user may create a process 1, which needs privileges.
    private static let canContain: Bool = {
        let probe = try? Command(URL(filePath: container[0]), container.dropFirst() + ["true"])
        return probe?.code == 0
    }()

    @Test(.enabled(if: canContain)) func asProcessOneItBuriesWhoeverLosesItsParent() throws {
        let service = try SupervisedService.runningFromFile(launcher: Self.container)
        #expect(try service.status().processID == 1)
        // Each stand-in has a child, which is an orphan when the stand-in is killed, and then exits.
        let supervisor = try #require(children(of: service.processID).first?.process)
        for round in 1...3 {
            for shard in children(of: supervisor) { kill(shard.process, SIGKILL) }
            service.wait { service in
                (try? service.status().children.allSatisfy { $0.state == .ready && $0.restarts == round }) == true
            }
        }
        service.wait { _ in !self.children(of: supervisor).contains { $0.state == "Z" } }
        #expect(children(of: supervisor).count == 4)
        #expect(try service.ask(.stop) == .begun)
        #expect(service.exitCode() == 0)
    }

    private func children(of parent: pid_t) -> [(process: pid_t, state: String)] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.compactMap { process in
            let fields =
                (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?
                .split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 1, fields[1] == "\(parent)" else { return nil }
            return (process, String(fields[0]))
        }
    }
}
