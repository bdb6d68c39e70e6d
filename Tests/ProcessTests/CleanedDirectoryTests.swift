import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// Somebody cleans the run directory while everything runs.
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct CleanedDirectoryTests {
        private func run(of service: Service) -> String { service.scratch.file("run").path }

        private func start() throws -> (service: Service, database: Scratch) {
            let database = Scratch()
            let file = database.url.appending(path: "statistics.sqlite").path
            return (try Service(pool: ["--job-interval", "2"], millrace: ["--database", file]), database)
        }

        @Test func minersDoNotNoticeAndFiguresAreWhole() throws {
            let (service, database) = try start()
            defer { withExtendedLifetime(database) {} }
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "14"], reaching: 200)
            for round in 0..<2 {
                try FileManager.default.removeItem(atPath: run(of: service))
                // Nobody has made anything again yet.
                try service.killShard(round)
                if round == 1 { try service.killChild("millrace-collector") }
                let names = ["control", "snapshots", "shard-0.events", "shard-1.replay", "collector.events"]
                let isWhole = eventually(within: 10) {
                    names.allSatisfy { access(run(of: service) + "/" + $0, F_OK) == 0 }
                }
                #expect(isWhole, "\(service.millrace.log)")
                #expect(try service.verb("status").code == 0)
                usleep(1_500_000)
            }
            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.shares.lost == 0, "\(service.millrace.log)")
            #expect(report.shares.refused == [:])
            #expect(
                eventually(within: 10) { service.accepted == report.shares.ok },
                "API \(service.accepted ?? -1), miners \(report.shares.ok)\n\(service.millrace.log)")
            #expect(try !service.verb("status").text.contains("degraded"))
        }

        /// Where it cannot be made again, shards come and go.
        @Test func shardsMineWithoutADirectory() throws {
            let (service, database) = try start()
            defer { withExtendedLifetime(database) {} }
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "10"], reaching: 200)
            try FileManager.default.removeItem(atPath: run(of: service))
            try Data().write(to: URL(filePath: run(of: service)))
            try service.killShard(0)
            try service.killShard(1)
            #expect(service.millrace.log.contains("cannot bind to the bus, trying again each second; mining continues"))
            usleep(1_200_000)
            unlink(run(of: service))
            #expect(eventually(within: 5) { service.millrace.log.contains("bound to the bus again") })
            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.shares.lost == 0, "\(service.millrace.log)")
            #expect(
                eventually(within: 10) { service.accepted == report.shares.ok },
                "API \(service.accepted ?? -1), miners \(report.shares.ok)\n\(service.millrace.log)")
            #expect(service.millrace.stop() == 0)
        }
    }
}
