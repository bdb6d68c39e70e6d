import Control
import Foundation
import Glibc
import Testing

/// Duties of the supervisor towards a service manager, and as process 1 of a container.
@Suite struct DutyProcessTests {
    /// The service manager's end of sd_notify(3).
    private final class NotifySocket {
        let path: String
        private let descriptor: Int32

        init(in directory: URL) throws {
            path = directory.appending(path: "notify").path
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(bound == 0)
        }

        deinit { close(descriptor) }

        /// The first line of each datagram that has arrived.
        func words() -> [String] {
            var words: [String] = []
            var buffer = [UInt8](repeating: 0, count: 512)
            while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
                let text = String(decoding: buffer.prefix(count), as: UTF8.self)
                words.append(text.split(separator: "\n").first.map(String.init) ?? "")
            }
            return words
        }
    }

    @Test func theServiceManagerIsToldOfAReloadUntilItIsDone() throws {
        let service = try SupervisedService()
        let manager = try NotifySocket(in: service.directory)
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
        service.send(SIGTERM)
        #expect(service.exitCode() == 0)
        let reload = ["RELOADING=1", "READY=1"]
        #expect(manager.words() == ["READY=1"] + reload + reload + reload + ["STOPPING=1"])
    }

    @Test func theWatchdogIsFedAndOnlyByTheOneItWatches() throws {
        let service = try SupervisedService()
        let manager = try NotifySocket(in: service.directory)
        try service.start(environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"])
        service.waitUntilReady()
        var words: [String] = []
        service.wait { _ in
            words += manager.words()
            return words.count { $0 == "WATCHDOG=1" } >= 5
        }
        let environment = try String(
            contentsOf: service.directory.appending(path: "environment-worker0"), encoding: .utf8)
        #expect(!environment.contains("WATCHDOG"))
        service.send(SIGTERM)
        #expect(service.exitCode() == 0)

        let other = try SupervisedService()
        let second = try NotifySocket(in: other.directory)
        try other.start(
            environment: ["NOTIFY_SOCKET": second.path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"])
        other.waitUntilReady()
        usleep(300_000)
        other.send(SIGTERM)
        #expect(other.exitCode() == 0)
        #expect(second.words() == ["READY=1", "STOPPING=1"])
    }

    // MARK: - Process 1

    private static let container = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]

    /// Whether this user may create a process 1, which needs privileges.
    private static let canContain: Bool = {
        let probe = Process()
        probe.executableURL = URL(filePath: container[0])
        probe.arguments = container.dropFirst() + ["true"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    @Test(.enabled(if: canContain)) func asProcessOneItBuriesWhoeverLosesItsParent() throws {
        let service = try SupervisedService()
        try service.startFromFile(launcher: Self.container)
        service.waitUntilReady()
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
