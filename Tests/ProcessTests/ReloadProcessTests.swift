import Foundation
import TestSupport
import Testing

/// A changed file reaches shards whose miners stay connected.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct ReloadProcessTests {
        private let place = Scratch()
        private var file: URL { place.file("config.json") }

        private func write(_ text: String) throws { try place.write(text, to: "config.json") }

        @Test func newRulesHoldForNewLoginsAndNobodyIsDropped() throws {
            try write(#"{"access-password": "x", "watch": false}"#)
            let service = try Service(pool: ["--job-interval", "2"], millrace: ["--config", file.path])
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "8"], reaching: 200)
            let (logins, before) = (service.pool.logins, service.children("millrace-worker"))

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
            #expect(service.pool.logins == logins)
            #expect(
                eventually(within: 5) {
                    service.accepted == report.shares.ok && service.pool.accepted == report.shares.ok
                })

            // The old password is of no use any more.
            let late = try service.startSwarm(["--miners", "1", "--rate", "1", "--seconds", "2"])
            _ = late.program.wait(atMost: 20)
            #expect(late.current?.logins.ok == 0)
            let known = try service.startSwarm(["--miners", "1", "--pass", "sesame", "--rate", "5", "--seconds", "2"])
            #expect(try known.finish().logins.ok == 1)
        }

        @Test func anotherPoolIsLoggedInToAndTheMinersStay() throws {
            let first = try PracticePool(["--job-interval", "2"], in: place)
            let other = try PracticePool(["--job-interval", "2"], in: place)
            try write(#"{"pools": [{"url": "127.0.0.1:\#(first.port)", "user": "w", "pass": "x"}], "watch": false}"#)
            let service = try Service(millrace: ["--config", file.path], namesPool: false)
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "10"], reaching: 200)

            try write(#"{"pools": [{"url": "127.0.0.1:\#(other.port)", "user": "w", "pass": "x"}], "watch": false}"#)
            #expect(try service.verb("reload").code == 0)
            let result = try swarm.finish()
            #expect(result.connections.lost == 0)
            #expect(other.accepted ?? 0 > 500, "\(service.millrace.log)")
        }
    }
}
