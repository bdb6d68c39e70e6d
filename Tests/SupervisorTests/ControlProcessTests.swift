import Control
import Foundation
import Glibc
import TestSupport
import Testing

/// The control socket of the real supervisor, with stand-ins for its children.
@Suite struct ControlProcessTests {
    private func leave(_ service: SupervisedService, _ location: SourceLocation = #_sourceLocation) {
        #expect(service.stop(location) == 0, sourceLocation: location)
        #expect(access(service.runDirectory + "/control", F_OK) != 0, "the socket is left", sourceLocation: location)
    }

    @Test func theStatusTellsEveryProcessAndWhatBefellIt() throws {
        let service = try SupervisedService.running()
        kill(try #require(service.processes(of: "worker1").first), SIGKILL)
        service.wait { $0.events.filter { $0.who == "worker1" && $0.what == "ready" }.count == 2 }
        service.wait { (try? $0.status().children.allSatisfy { $0.state == .ready }) == true }

        let status = try service.status()
        #expect(status.processID == service.processID)
        #expect(status.children.map(\.kind) == [.collector, .shard, .shard, .gateway])
        #expect(status.children.map(\.shard) == [nil, 0, 1, nil])
        #expect(status.children.map(\.restarts) == [0, 0, 1, 0])
        let shard = status.children[2]
        #expect(shard.restartCauses == ["SIGKILL": 1])
        #expect(shard.lastDeath == "was killed by SIGKILL")
        #expect(shard.processID == service.processes(of: "worker1").last)
        #expect((shard.startedAt ?? 0) >= status.startedAt)
        #expect(status.configuration.file == nil)
        #expect(!status.isStopping && status.restarting.isEmpty && status.restartHaltedAt == nil)
        leave(service)
    }

    @Test func theSocketIsForItsOwnerAloneAndReplacesAStaleOne() throws {
        let service = try SupervisedService.running()
        service.send(SIGKILL)
        _ = service.exitCode()
        #expect(access(service.runDirectory + "/control", F_OK) == 0)

        let successor = try SupervisedService.running(["--run-dir", service.runDirectory])
        var facts = stat()
        #expect(lstat(service.runDirectory + "/control", &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600 && facts.st_mode & S_IFMT == S_IFSOCK)
        #expect(try service.status().processID == successor.processID)
        #expect(successor.stop() == 0)
    }

    @Test func oneShardIsReplacedAndNobodyElse() throws {
        let service = try SupervisedService.running()
        #expect(try service.ask(.restart(shard: 1)) == .begun)
        service.wait { (try? $0.status().restarting.isEmpty) == true }
        #expect(service.processes(of: "worker1").count == 2)
        for other in ["collector", "worker0", "gateway"] { #expect(service.processes(of: other).count == 1) }
        let shard = try service.status().children[2]
        #expect(shard.restartCauses == ["asked": 1] && shard.lastDeath == nil && shard.state == .ready)
        let refusal = try service.refusal(of: .restart(shard: 2))
        #expect(refusal == ControlRefusal(.unknownShard, lines: ["there is no shard 2; the shards are 0 to 1"]))
        leave(service)
    }

    @Test func allShardsAreReplacedOneAfterTheOther() throws {
        let service = try SupervisedService.running()
        #expect(try service.ask(.restartAll) == .begun)
        service.wait { (try? $0.status().restarting.isEmpty) == true }
        let words = service.events.filter { $0.who.hasPrefix("worker") }.suffix(8).map { "\($0.who) \($0.what)" }
        #expect(
            words == [
                "worker0 start", "worker0 adopts", "worker0 left", "worker0 ready",
                "worker1 start", "worker1 adopts", "worker1 left", "worker1 ready",
            ])
        leave(service)
    }

    @Test func aSuccessorThatFailsLeavesTheOtherShardsAlone() throws {
        let service = try SupervisedService.running()
        try service.set("worker0", .refuse)
        #expect(try service.ask(.restartAll) == .begun)
        service.wait { (try? $0.status().restartHaltedAt) == "shard 0" }
        #expect(service.processes(of: "worker1").count == 1)
        #expect(try service.status().children[1].state == .ready)
        #expect(service.logText.contains("continues; its new process failed: exited with code 2"))
        // The operator repairs the program, and requests the restart again.
        try service.set("worker0", .good)
        #expect(try service.ask(.restart(shard: 0)) == .begun)
        service.wait { (try? $0.status().restarting.isEmpty) == true }
        #expect(try service.status().children[1].restartCauses == ["asked": 1])
        #expect(try service.status().restartHaltedAt == nil)
        leave(service)
    }

    @Test(arguments: [SupervisedService.Manner.crash, .crashAdopting, .muteAdopting])
    func untilASuccessorHasAdoptedEverythingIsTakenBack(manner: SupervisedService.Manner) throws {
        let service = try SupervisedService.running()
        let process = try #require(service.processes(of: "worker0").last)
        try service.set("worker0", manner)
        #expect(try service.ask(.restartAll) == .begun)
        service.wait { (try? $0.status().restartHaltedAt) == "shard 0" }
        let shard = try service.status().children[1]
        #expect(shard.processID == process && shard.state == .ready && shard.restarts == 0)
        #expect(service.logText.contains("continues; its new process failed"))
        if manner != .crash { service.wait { $0.events.contains { $0.what == "resumed" } } }
        leave(service)
    }

    @Test func aSuccessorThatFailsWithEverythingInItsHandsIsFollowedByAnother() throws {
        let service = try SupervisedService.running()
        try service.set("worker0", .crashGoing)
        #expect(try service.ask(.restart(shard: 0)) == .begun)
        service.wait { $0.logText.contains("shard 0 exited with code 1 (failed); restarting") }
        service.wait { (try? $0.status().children[1].state) == .ready }
        #expect(service.processes(of: "worker0").count == 3)
        leave(service)
    }

    @Test func aShardThatDiesBesideItsSuccessorIsFollowedByIt() throws {
        let service = try SupervisedService.running()
        try service.set("worker0", .mute)
        let process = try #require(service.processes(of: "worker0").last)
        #expect(try service.ask(.restart(shard: 0)) == .begun)
        service.wait { $0.processes(of: "worker0").count == 2 }
        kill(process, SIGKILL)
        service.wait { (try? $0.status().children[1].lastDeath) == "was killed by SIGKILL" }
        #expect(try service.status().children[1].processID == service.processes(of: "worker0").last)
        leave(service)
    }

    @Test func aServiceThatStartsOrStopsRestartsNobody() throws {
        let service = try SupervisedService()
        try service.set("collector", .mute)
        try service.start()
        service.wait { (try? $0.status()) != nil }
        let starting = try service.refusal(of: .restartAll)
        #expect(starting.kind == .impossible)
        try service.set("collector", .good)
        #expect(try service.ask(.stop) == .begun)
        #expect(service.exitCode() == 0)
    }

    // MARK: - Hostile clients

    /// A connection to the control socket.
    private func connection(_ service: SupervisedService) throws -> Int32 {
        try LocalSocket.connected(to: service.runDirectory + "/control")
    }

    private func say(_ bytes: [UInt8], to descriptor: Int32) {
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    @Test func whateverClientsDoTheServiceAnswersTheNextOne() throws {
        let service = try SupervisedService.running()
        let lines = [
            "\n", "hello\n", "{}\n", "{\"request\":\"restart\",\"shard\":-1}\n",
            "{\"request\":\"restart\",\"shard\":1e99}\n",
            "{\"request\":\"status\"}\n{\"request\":\"stop\"}\n", String(repeating: "[", count: 100_000) + "\n",
            "{\"request\":\"configure\",\"document\":\"\\u0000\"}\n", "{\"request\":\"status\"",
        ]
        for line in lines {
            let descriptor = try connection(service)
            say(Array(line.utf8), to: descriptor)
            close(descriptor)  // most clients do not wait for the reply
        }
        // More bytes than any request has, without a newline.
        let flood = try connection(service)
        let junk = [UInt8](repeating: 0x20, count: 65_536)
        for _ in 0..<100 { _ = send(flood, junk, junk.count, Int32(MSG_NOSIGNAL)) }
        var byte: UInt8 = 0
        #expect(recv(flood, &byte, 1, 0) <= 0)
        close(flood)
        // Many silent clients: those beyond the limit are refused, and the others time out.
        let silent = try (0..<40).map { _ in try connection(service) }
        func turnedAway() -> Int {
            silent.count { descriptor in
                var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                return poll(&question, 1, 0) == 1  // end of stream
            }
        }
        service.wait { _ in turnedAway() >= 40 - 32 }
        usleep(100_000)
        #expect(turnedAway() < 40, "nobody was turned away before its time")
        service.wait { (try? $0.status()) != nil }
        for descriptor in silent { close(descriptor) }
        #expect(try service.status().children.map(\.restarts) == [0, 0, 0, 0])
        leave(service)
    }
}
