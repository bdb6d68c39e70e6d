import TestSupport
import Testing

@testable import Control

@Suite struct ControlLineTests {
    static var status: ServiceStatus {
        var shard = ChildStatus(kind: .shard, shard: 1, state: .backoff)
        shard.restarts = 3
        shard.restartCauses = ["SIGKILL": 2, "asked": 1]
        shard.miners = 120
        shard.upstreams = 1
        shard.lastDeath = "was killed by SIGKILL"
        var status = ServiceStatus(
            version: "1.2.3", processID: 4711, startedAt: 1_700_000_000_000,
            children: [ChildStatus(kind: .collector, state: .ready), shard],
            configuration: ConfigurationStatus(
                file: "/etc/millrace/config.json", loadedAt: 1_700_000_000_001, lastRefusal: ["config.json:1:2: …"],
                waitingForRestart: ["bind: …"]))
        status.configuration.warnings = ["config.json:3:1: …"]
        status.restarting = ["shard 0"]
        status.scalesTo = 4
        status.restartHaltedAt = "shard 1"
        status.upgrade = UpgradeStatus(.refused, lines: ["too old"])
        status.isStopping = true
        return status
    }

    static let requests: [ControlRequest] = [
        .status, .configuration, .configure(document: "{\n  \"a\": \"é\\n\" // x\n}"), .reload, .restart(shard: 7),
        .restartAll, .restartEverything, .restartProcess(.collector), .restartProcess(.gateway), .upgrade, .stop,
        .drain(shard: 3, withinSeconds: 0), .scale(shards: 4, withinSeconds: 30),
    ]

    static var replies: [ControlReply] {
        [
            .status(status), .configuration(document: "{\"a\": [\n]}"), .done, .begun,
            .refused(ControlRefusal(.unknownShard, lines: ["a", "b"])),
        ]
    }

    @Test func everyRequestIsOneLineAndComesBackAsItWas() throws {
        for request in Self.requests {
            let line = try #require(ControlLine.encode(request))
            #expect(line.last == 0x0a && line.count { $0 == 0x0a } == 1)
            #expect(ControlLine.request(line.dropLast()) == request)
        }
    }

    @Test func everyReplyIsOneLineAndComesBackAsItWas() throws {
        for reply in Self.replies {
            let line = try #require(ControlLine.encode(reply))
            #expect(line.last == 0x0a && line.count { $0 == 0x0a } == 1)
            #expect(ControlLine.reply(line.dropLast()) == reply)
        }
    }

    @Test(arguments: [
        "", "{}", "null", "[]", "{\"request\":1}", "{\"request\":\"fly\"}", "{\"request\":\"configure\"}",
        "{\"request\":\"restart\"}", "{\"request\":\"restartProcess\"}",
        "{\"request\":\"restartProcess\",\"process\":\"anchor\"}",
        "{\"request\":\"drain\",\"shard\":1}", "{\"request\":\"scale\",\"within\":1}",
        "{\"request\":\"restart\",\"shard\":\"1\"}",
        "{\"request\":\"restart\",\"shard\":99999999999999999999}", "{\"request\":\"status\"", "\u{0}",
    ])
    func whatIsNoRequestIsNone(_ text: String) {
        #expect(ControlLine.request(Array(text.utf8)) == nil)
    }

    @Test(arguments: [
        "{\"reply\":\"status\"}", "{\"reply\":\"configuration\"}", "{\"reply\":\"refused\"}", "{\"reply\":\"?\"}",
    ])
    func whatIsNoReplyIsNone(_ text: String) {
        #expect(ControlLine.reply(Array(text.utf8)) == nil)
    }

    @Test func aKeyThatALaterVersionAddsDoesNoHarm() {
        #expect(ControlLine.request(Array("{\"request\":\"stop\",\"gently\":true}".utf8)) == .stop)
    }

    @Test func aLineOfTooManyBytesIsNotMade() {
        #expect(ControlLine.encode(.configure(document: String(repeating: "a", count: ControlLine.bytesMax))) == nil)
    }

    /// Mutated lines: an answer or none, never a trap.
    @Test func damagedLinesNeverTrap() throws {
        let lines =
            try Self.requests.map { try #require(ControlLine.encode($0)) }
            + Self.replies.map { try #require(ControlLine.encode($0)) }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<5_000 {
            var line = lines[random.below(lines.count)]
            for _ in 0...random.below(3) { line[random.below(line.count)] = random.byte() }
            _ = ControlLine.request(line)
            _ = ControlLine.reply(line)
        }
    }
}
