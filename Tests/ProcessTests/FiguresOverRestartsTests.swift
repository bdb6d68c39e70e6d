import Foundation
import TestSupport
import Testing

/// What is shown of pool connections is the same before and after every planned replacement of the shard; and the figures that come
/// without the API.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct FiguresOverRestartsTests {
        private let place = Scratch()
        private var file: URL { place.file("config.json") }

        private func write(_ text: String) throws { try place.write(text, to: "config.json") }

        private struct Figures {
            var loggedInSince: Int
            var jobAge: Int
            var accepted: Int
            var rejected: Int

            /// Of the only connection that is logged in.
            init?(_ service: Service) {
                let rows = service.document("/1/upstreams")?["upstreams"] as? [[String: Any]] ?? []
                guard let row = rows.first(where: { $0["state"] as? String == "active" }),
                    let since = row["logged_in_since"] as? Int, let age = row["job_age"] as? Int,
                    let accepted = row["accepted"] as? Int, let rejected = row["rejected"] as? Int
                else { return nil }
                (loggedInSince, jobAge, self.accepted, self.rejected) = (since, age, accepted, rejected)
            }
        }

        @Test func timesAndCountersOfAPoolConnectionOutliveRestartReloadAndUpgrade() throws {
            try write(#"{"retries": 3, "watch": false}"#)
            // One job for the whole test.
            let service = try Service(
                shards: 1, pool: ["--job-interval", "600"], millrace: ["--config", file.path], installs: true)
            let miner = try service.miner("hand")
            for _ in 0..<5 { #expect(try miner.submit(difficulty: 1_000) == "OK") }
            try #require(
                eventually(within: 10) { Figures(service).map { $0.accepted == 5 && $0.jobAge >= 2 } ?? false })
            let first = try #require(Figures(service))
            let start = Date()

            func expectContinued(_ accepted: Int, _ what: String) throws {
                let shard = try #require(service.shard(0))
                // What is shown is of the new process: the next share of its own is in.
                #expect(try miner.submit(difficulty: 1_000) == "OK", "\(what)")
                let isShown = eventually(within: 10) { Figures(service)?.accepted == accepted }
                #expect(isShown, "\(what): \(String(describing: Figures(service)))")
                let now = try #require(Figures(service), "\(what): \(service.millrace.log)")
                let passed = Int(Date().timeIntervalSince(start))
                #expect(abs(now.loggedInSince - first.loggedInSince) < 1_000, "\(what)")
                #expect((first.jobAge + passed - 2...first.jobAge + passed + 2).contains(now.jobAge), "\(what)")
                #expect(now.rejected == first.rejected, "\(what)")
                #expect(service.shard(0) == shard)
            }
            var before = service.shard(0)
            #expect(try service.verb("restart", "all").code == 0)
            try expectContinued(6, "restart")
            #expect(service.shard(0) != before)

            before = service.shard(0)
            try write(#"{"retries": 4, "watch": false}"#)
            #expect(try service.verb("reload").code == 0)
            try #require(eventually(within: 10) { service.shard(0) != before && service.isReady(shard: 0) })
            try expectContinued(7, "reload")

            before = service.shard(0)
            try service.install()
            #expect(try service.verb("upgrade").code == 0)
            #expect(service.shard(0) != before)
            try expectContinued(8, "upgrade")

            try service.killShard(0)
            try expectContinued(9, "kill -9")
        }

        @Test func theVerbsAndTheLogHaveTheFigures() throws {
            try write(#"{"print-time": 1, "watch": false}"#)
            let service = try Service(shards: 1, millrace: ["--config", file.path])
            let miner = try service.miner("hand", fields: #","rigid":"rack7""#)
            for _ in 0..<3 { #expect(try miner.submit(difficulty: 1_000) == "OK") }
            try #require(eventually(within: 6) { service.worker("rack7")?[3] as? Int == 3 })
            let pool = "127.0.0.1:\(service.poolPort)"

            let status = try service.verb("status")
            #expect(status.code == 0 && status.text.contains("miners: 1, max 1"), "\(status.text)")
            #expect(status.text.contains("shares: 3 accepted, 0 rejected by pools, 0 refused here"), "\(status.text)")
            // A shard tells of its connections once a second.
            let row = try Regex("\(pool) +in use +1 +0 +1 +3 +0 +[0-9]+s\n")
            #expect(try eventually(within: 5) { try service.verb("status").text.contains(row) }, "\(status.text)")
            let workers = try service.verb("workers")
            #expect(workers.code == 0 && workers.text.contains("1 worker, 0 offline"), "\(workers.text)")
            #expect(workers.text.contains(try Regex("rack7 +online +1 ")), "\(workers.text)")
            #expect(try service.verb("healthcheck", "--ready", "-o", pool).code == 0)
            let isLogged = eventually(within: 5) {
                service.millrace.log.contains(
                    try! Regex(
                        "kH/s, shares: 3/0 \\+[0-9]+, upstreams: 1, miners: 1 \\(max 1\\) \\+[0-9]/-0, pool \(pool)"))
            }
            #expect(isLogged, "\(service.millrace.log)")

            service.pool.kill()
            #expect(eventually(within: 10) { (try? service.verb("healthcheck", "--ready", "-o", pool).code) == 1 })
            #expect(
                try service.verb("healthcheck", "--ready", "-o", pool).text.contains("missing: a session with a pool"))
            #expect(eventually(within: 5) { (try? service.verb("status").text.contains("NO POOL is usable")) == true })
        }
    }
}
