import Foundation
import TestSupport
import Testing

/// One pool connection for each miner, over restarts and crashes.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct SimpleModeProcessTests {
        private let place = Scratch()

        private func service(_ keys: String, pool: [String] = []) throws -> Service {
            let port = try Loopback.freePort()
            try place.write(#"{"bind": ["127.0.0.1:\#(port)"], \#(keys)}"#, to: "config.json")
            return try Service(pool: pool, millrace: ["--config", place.file("config.json").path], minerPort: port)
        }

        @Test(arguments: [false, true])
        func restartsAndCrashesCostNothing(tls: Bool) throws {
            let service = try service(#""mode": "simple""#, pool: ["--job-interval", "3"])
            #expect(service.pool.logins == 0, "no miner, no connection")
            let swarm = try service.startSwarm(
                ["--miners", "60", "--rate", "200", "--seconds", "9", "--strict"] + (tls ? ["--tls"] : []), reaching: 60
            )
            #expect(eventually(within: 5) { service.pool.connections == 60 })
            let restarted = try service.verb("restart", "all")
            #expect(restarted.code == 0, "\(restarted.text)")
            for shard in [0, 1, 0] {
                try service.killShard(shard)
                Thread.sleep(forTimeInterval: 0.5)
            }
            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.connections.made == 60)
            #expect(report.shares.ok > 1_000 && report.shares.ok == report.shares.sent, "\(report.shares)")
            #expect(service.pool.logins == 60, "no pool had a second login")
            #expect(
                eventually(within: 5) {
                    service.accepted == report.shares.ok && service.pool.accepted == report.shares.ok
                })
            // Without `reuse-timeout` a connection ends with its miner.
            #expect(eventually(within: 3) { service.pool.connections == 0 })
            #expect(service.document("/1/summary")?["mode"] as? String == "simple")
        }

        @Test func idleConnectionsAreUsedAgain() throws {
            let service = try service(#""mode": "simple", "reuse-timeout": 60"#, pool: ["--job-interval", "1"])
            for _ in 0..<2 {
                let swarm = try service.startSwarm(["--miners", "20", "--rate", "40", "--seconds", "2", "--strict"])
                #expect(try swarm.finish().shares.refused == [:])
                Thread.sleep(forTimeInterval: 1.5)
            }
            // Which shard a miner comes to is up to the kernel.
            let logins = service.pool.logins ?? 0
            #expect((20...32).contains(logins), "\(logins)")
            #expect(service.pool.connections == logins)
        }

        @Test func poolsGetTheLoginsOfMiners() throws {
            let service = try service(#""mode": "simple", "millrace": {"pass-login": true}"#)
            let load = ["--miners", "3", "--rate", "6", "--seconds", "2", "--strict", "--login", "wallet{n}"]
            #expect(try service.startSwarm(load).finish().shares.ok > 3)
            let logins = service.pool.report["logins_by_user"] as? [String: Int]
            #expect(logins == ["wallet0": 1, "wallet1": 1, "wallet2": 1])
        }
    }
}
