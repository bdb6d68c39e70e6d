import Foundation
import Testing

/// A changed file reaches shards whose miners stay connected.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct ReloadProcessTests {
        private let place: Scratch
        private var file: URL { place.url.appending(path: "config.json") }

        init() throws {
            place = try Scratch()
        }

        private func write(_ text: String) throws {
            try Data(text.utf8).write(to: file)
        }

        @Test func newRulesHoldForNewLoginsAndNobodyIsDropped() throws {
            try write(#"{"access-password": "x", "watch": false}"#)
            let service = try Service(pool: ["--job-interval", "2"], millrace: ["--config", file.path])
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "8"])
            try #require(swarm.hasReached(200))
            let (logins, before) = (service.poolLogins, service.children("millrace-worker"))

            try write(#"{"access-password": "sesame", "custom-diff": 5000, "watch": false}"#)
            #expect(try service.verb("reload").code == 0)
            let isReplaced = eventually(within: 10) {
                let now = service.children("millrace-worker")
                return now.count == 2 && Set(now).isDisjoint(with: before)
            }
            #expect(isReplaced, "\(service.millrace.log)")

            let report = try swarm.finish()
            #expect(report.connections.lost == 0)
            #expect(report.shares.lost == 0)
            #expect(report.shares.refused == [:])
            #expect(service.poolLogins == logins)
            #expect(
                eventually(within: 5) {
                    service.accepted == report.shares.ok && service.poolAccepted == report.shares.ok
                })

            // The old password is of no use any more.
            let late = try service.startSwarm(["--miners", "1", "--rate", "1", "--seconds", "2"])
            _ = late.program.wait(atMost: 20)
            #expect(late.current?.logins.ok == 0)
            let known = try service.startSwarm(["--miners", "1", "--pass", "sesame", "--rate", "5", "--seconds", "2"])
            #expect(try known.finish().logins.ok == 1)
        }

        @Test func anotherPoolIsLoggedInToAndTheMinersStay() throws {
            let other = try freePort()
            let report = place.url.appending(path: "other.json")
            let pool = try Program(
                "millrace-practice-pool",
                [
                    "--port", "\(other)", "--difficulty", "1000", "--job-interval", "2", "--quiet", "--report-file",
                    report.path,
                ],
                in: place)
            defer { _ = pool.stop() }
            let first = try freePort()
            let start = try Program(
                "millrace-practice-pool",
                ["--port", "\(first)", "--difficulty", "1000", "--job-interval", "2", "--quiet"], in: place)
            defer { _ = start.stop() }
            try write(#"{"pools": [{"url": "127.0.0.1:\#(first)", "user": "w", "pass": "x"}], "watch": false}"#)
            let service = try Service(millrace: ["--config", file.path], namesPool: false)
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "10"])
            try #require(swarm.hasReached(200))

            try write(#"{"pools": [{"url": "127.0.0.1:\#(other)", "user": "w", "pass": "x"}], "watch": false}"#)
            #expect(try service.verb("reload").code == 0)
            let result = try swarm.finish()
            #expect(result.connections.lost == 0)
            let accepted = (try JSONSerialization.jsonObject(with: Data(contentsOf: report)) as? [String: Any])?[
                "shares"]
            #expect((accepted as? [String: Any])?["accepted"] as? Int ?? 0 > 500, "\(service.millrace.log)")
        }
    }
}
