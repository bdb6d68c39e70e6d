import Control
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Supervisor

/// The verbs as scripts use them: output and exit codes.
@Suite struct VerbProcessTests {
    @Test func aServiceIsShownRestartedReloadedAndStopped() throws {
        let service = try SupervisedService.runningFromFile()
        let place = ["--run-dir", service.runDirectory]

        let shown = try service.command(["status"] + place)
        #expect(shown.code == 0 && shown.complaints == "")
        for part in ["shard 1", "ready", "\(service.processID)", service.file.path] {
            #expect(shown.output.contains(part), "\(part) in \(shown.output)")
        }
        let json = try service.command(["status", "--json"] + place)
        let status = try JSONDecoder().decode(ServiceStatus.self, from: Data(json.output.utf8))
        #expect(status.children.count == 4)

        #expect(try service.command(["restart", "1"] + place).code == 0)
        #expect(try service.command(["restart", "all", "--json"] + place).output.hasSuffix("\"result\":\"done\"}\n"))
        #expect(try service.status().children.map(\.restarts) == [1, 1, 2, 1])
        #expect(try service.command(["restart", "collector"] + place).output.hasPrefix("collector: ready, process "))
        #expect(try service.command(["restart", "gateway"] + place).output.hasPrefix("gateway: ready, process "))
        #expect(try service.status().children.map(\.restarts) == [2, 1, 2, 2])
        let unknown = try service.command(["restart", "9"] + place)
        #expect(unknown.code == 1 && unknown.complaints == "there is no shard 9; the shards are 0 to 1\n")

        try service.write(SupervisedService.file("\"access-password\": 0"))
        let refused = try service.command(["reload", "--json"] + place)
        #expect(refused.code == 1)
        #expect(
            refused.output.contains("config.json:7:24: access-password: expected") && refused.output.contains("refused")
        )
        #expect(try service.command(["status"] + place).output.contains("the last attempt to change it was refused"))
        try service.write(SupervisedService.file("\"retries\": 9"))
        #expect(try service.command(["reload"] + place).output.contains("the configuration is in force"))

        #expect(try service.command(["stop"] + place).output == "stopped\n")
        #expect(service.exitCode() == 0)
        for verb in [["status"], ["restart", "all"], ["reload"], ["stop"]] {
            let nobody = try service.command(verb + place)
            #expect(nobody.code == 3 && nobody.complaints.contains("no service answers at"))
        }
        #expect(try service.command(["stop", "--json"] + place).output.contains("\"result\":\"no service\""))
    }

    @Test(arguments: [SupervisedService.Manner.crash, .crashAdopting])
    func aReloadThatCannotReplaceAShardSaysWhichAndTheStatusKeepsItUntilItIsReplaced(
        manner: SupervisedService.Manner
    ) throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false, \"retries\": 5"))
        let place = ["--run-dir", service.runDirectory]
        #expect(try service.status().degraded == [])
        let former = try #require(service.processes(of: "worker1").first)

        try service.set("worker1", manner)
        try service.write(SupervisedService.file("\"watch\": false, \"retries\": 6, \"user-agent\": \"me\""))
        let reload = try service.command(["reload"] + place)
        #expect(reload.code == 1 && reload.output == "")
        #expect(reload.complaints.contains("not in force in all processes: the new process of shard 1 failed"))
        #expect(reload.complaints.contains("shard 1: ready, process \(former), still runs the old configuration\n"))
        #expect(!reload.complaints.contains("shard 0"))

        let old = "shard 1 still runs the old configuration (changed: retries, user-agent)"
        #expect(try service.status().degraded?.first == old)
        #expect(try service.status().degradations?.first?.reason == .oldConfiguration)
        #expect(try service.command(["status"] + place).output.contains("degraded:\n  \(old)\n"))
        #expect(try service.command(["restart", "1"] + place).code == 1)
        #expect(try service.status().degraded?.first == old)
        #expect(try service.command(["reload"] + place).code == 1)

        try service.set("worker1", .good)
        #expect(try service.command(["restart", "1"] + place).code == 0)
        #expect(try service.status().degraded == [])
        #expect(try service.command(["reload"] + place).output == "the configuration is in force\n")
        #expect(try service.command(["stop"] + place).code == 0)
    }

    @Test(arguments: ["collector", "gateway", "1"])
    func aFailedProcessIsBroughtBackByRestart(which: String) throws {
        let who = which == "1" ? "worker1" : which
        let service = try SupervisedService()
        try service.set(who, .refuse)
        try service.startFromFile()
        service.waitUntilReady()
        let place = ["--run-dir", service.runDirectory]
        service.wait { (try? $0.status().children.contains { $0.state == .failed }) == true }
        #expect(try service.command(["restart", which] + place).code == 1)
        let name = which == "1" ? "shard 1" : which
        #expect(try service.status().degraded?.first?.hasPrefix("\(name) has failed: exited with code 2") == true)
        #expect(try service.command(["reload"] + place).code == 1)
        try service.set(who, .good)
        #expect(try service.command(["restart", which] + place).code == 0)
        #expect(try service.status().children.allSatisfy { $0.state == .ready })
        #expect(try service.status().degraded == [])
        #expect(try service.command(["stop"] + place).code == 0)
    }

    @Test func aGatewayThatIsSwitchedOffCannotBeRestartedAndAllDoesWithoutIt() throws {
        let service = try SupervisedService.runningFromFile(
            SupervisedService.file().replacing("\"enabled\": true", with: "\"enabled\": false"))
        let place = ["--run-dir", service.runDirectory]
        let refused = try service.command(["restart", "gateway"] + place)
        #expect(refused.code == 1 && refused.complaints.contains("there is no gateway: the HTTP API is off"))
        #expect(try service.command(["restart", "all"] + place).code == 0)
        #expect(try service.status().children.map(\.restarts) == [1, 1, 1])
        #expect(try service.command(["stop"] + place).code == 0)
    }

    static let suspicious: [(member: String, key: String)] = [
        ("\"acess-password\": \"hunter2\"", "acess-password"), ("\"retires\": 9", "retires"),
        ("\"tls\": {\"gen\": \"a b\"}", "tls"), ("\"millrce\": {\"shards\": 1}", "millrce"),
    ]

    @Test func aReloadWarnsEvenIfTheValuesComeOutEqualAndTheWarningsStayInTheStatus() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false"))
        let place = ["--run-dir", service.runDirectory]
        #expect(try service.status().configuration.warnings == [])
        for (member, key) in Self.suspicious {
            try service.write(SupervisedService.file("\"watch\": false, \(member)"))
            let reload = try service.command(["reload"] + place)
            #expect(reload.code == 0)
            let start = "warning: \(service.file.path):7:"
            let warning = reload.output.split(separator: "\n").filter { $0.hasPrefix(start) }
            #expect(warning.count == 1 && warning[0].contains(key), "\(reload.output)")
            #expect(!reload.output.contains("hunter2"))
            #expect(try service.status().configuration.warnings?.count == 1)
            #expect(try service.command(["status"] + place).output.contains(warning.first ?? "no warning"))
            #expect(service.logText.contains(warning.first?.dropFirst(9) ?? "no warning"))
        }
        #expect(service.processes(of: "worker0").count == 1)

        try service.write(SupervisedService.file("\"retires\": 9, \"access-password\": 7"))
        let refused = try service.command(["reload"] + place)
        #expect(refused.code == 1)
        #expect(refused.complaints.contains("access-password: expected a string"))
        #expect(refused.complaints.contains("warning: \(service.file.path):7:5: \"retires\""))

        try service.write(SupervisedService.file("\"watch\": false"))
        #expect(try service.command(["reload"] + place).output == "the configuration is in force\n")
        #expect(try service.status().configuration.warnings == [])
        #expect(try service.command(["stop"] + place).code == 0)
    }

    @Test func theServiceIsFoundByItsFileEvenWhenThatHasBeenBrokenSince() throws {
        let service = try SupervisedService()
        let members = "\"millrace\": {\"shards\": 2, \"run-dir\": \"\(service.runDirectory)\"}"
        let good = SupervisedService.file(members).replacing(
            "\"millrace\": {\"shards\": 2},", with: "\"watch\": false,")
        try service.startFromFile(good)
        service.waitUntilReady()
        let place = ["--config", service.file.path]
        #expect(try service.command(["status"] + place).code == 0)
        try service.write(good.replacing("\"watch\": false", with: "\"access-password\": 0"))
        #expect(try service.command(["status"] + place).code == 0)
        try service.write("{")
        let lost = try service.command(["status"] + place)
        #expect(lost.code == 2 && lost.complaints.contains("choose a service with --run-dir"))
        #expect(try service.command(["status", "--config", "/nonexistent"]).code == 2)
        #expect(service.stop() == 0)
    }

    @Test(arguments: [
        ["restart"], ["restart", "some"], ["restart", "shard"], ["status", "--no-such"], ["stop", "now"],
        ["drain"], ["drain", "all"], ["scale", "more"], ["drain", "1", "--within", "soon"],
    ])
    func aWrongLineHasItsOwnExitCode(line: [String]) throws {
        #expect(try SupervisedService().command(line).code == 64)
    }

    @Test(arguments: ["status", "shards", "restart", "drain", "scale", "rebalance", "reload", "stop"])
    func everyVerbHasItsHelp(verb: String) throws {
        let help = try SupervisedService().command([verb, "--help"])
        #expect(
            help.code == 0 && help.output.contains("Exit codes: 0 done") && help.output.contains("--run-dir")
        )
    }
}

struct StatusTableTests {
    @Test func whatSeveralProcessesSayIsOneLine() {
        #expect(
            StatusTable.grouped([
                "supervisor: log file: no", "shard 0 runs the old configuration", "shard 0: log file: no",
                "shard 1: other",
            ]) == [
                "supervisor, shard 0: log file: no", "shard 0 runs the old configuration", "shard 1: other",
            ])
    }

    @Test func theTableIsWorthLookingAt() {
        var shard = ChildStatus(kind: .shard, shard: 0, state: .ready)
        shard.processID = 4712
        shard.startedAt = 1_000_000_000_000
        shard.restarts = 4
        shard.restartCauses = ["asked": 1, "SIGKILL": 2, "exit 3": 1]
        shard.lastDeath = "was killed by SIGKILL"
        var failed = ChildStatus(kind: .shard, shard: 10, state: .failed)
        failed.lastDeath = "exited with code 2 (badConfiguration); a restart would not help"
        var status = ServiceStatus(
            version: "1.2.3", processID: 4711, startedAt: 1_000_000_000_000 - 93_784_000, children: [shard, failed],
            configuration: ConfigurationStatus(
                file: "/etc/millrace/config.json", loadedAt: 1_000_000_000_000,
                lastRefusal: ["config.json:7:24: access-password: expected a number"],
                waitingForRestart: ["bind: changed, in force after a restart of the service"]))
        status.configuration.warnings = ["config.json:9:3: retires: unknown key; did you mean retries?"]
        status.configuration.certificate = CertificateStatus(
            sha256: "0a1b", names: ["localhost"], expiresAt: 2_111_529_599_000)
        status.restarting = ["shard 0"]
        let table = StatusTable(status, now: 1_000_000_065_000).text
        #expect(
            table == """
                Millrace 1.2.3, process 4711, up 1d 2h

                          STATE   PROCESS  UP     RESTARTS                          LAST FAILURE
                shard 0   ready   4712     1m 5s  4 (2 SIGKILL, 1 asked, 1 exit 3)  was killed by SIGKILL
                shard 10  failed  -        -      0                                 exited with code 2 (badConfiguration); a restart would not help

                being replaced: shard 0
                configuration: /etc/millrace/config.json, in force for 1m 5s
                  pending: bind: changed, in force after a restart of the service
                  warning: config.json:9:3: retires: unknown key; did you mean retries?
                  the last attempt to change it was refused:
                    config.json:7:24: access-password: expected a number
                TLS for miners: certificate sha256 0a1b, valid until 2036-11-28

                """)
    }

    @Test func theTableOfShardsAddsUp() {
        var shards = (0..<3).map { ChildStatus(kind: .shard, shard: $0, state: .ready) }
        for (index, miners) in [1_204, 96].enumerated() {
            shards[index].processID = 4_712
            shards[index].startedAt = 1_000_000_000_000
            (shards[index].miners, shards[index].upstreams) = (miners, 5 - index * 4)
        }
        shards[1].state = .draining
        shards[2].state = .drained
        var status = ServiceStatus(
            version: "1.2.3", processID: 4711, startedAt: 1,
            children: [ChildStatus(kind: .collector, state: .ready)] + shards,
            configuration: ConfigurationStatus(file: nil, loadedAt: 1))
        status.scalesTo = 1
        #expect(
            ShardTable(status, now: 1_000_000_065_000).text == """
                         STATE     PROCESS  UP     MINERS  UPSTREAMS  RESTARTS
                shard 0  ready     4712     1m 5s  1204    5          0
                shard 1  draining  4712     1m 5s  96      1          0
                shard 2  drained   -        -      -       -          0
                all                                1300    6

                requested number of shards: 1

                """)
    }

    @Test(arguments: [
        (0, "0s"), (999, "0s"), (59_000, "59s"), (60_000, "1m 0s"), (7_322_000, "2h 2m"), (86_400_000, "1d 0h"),
    ])
    func durationsHaveTwoParts(millis: UInt64, text: String) {
        #expect(StatusTable.duration(from: 5, to: 5 + millis) == text)
        #expect(StatusTable.duration(from: 5 + millis, to: 5) == "0s")
    }
}
