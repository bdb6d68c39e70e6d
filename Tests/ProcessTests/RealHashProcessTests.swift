import Foundation
import TestSupport
import Testing

/// A pool that computes every hash, and miners whose hashes are true.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct RealHashProcessTests {
    @Test func realHashesStandBeforeAPoolThatComputesThem() throws {
        let run = try Run(["--real-hashes"])
        #expect(run.swarm.shares.ok >= 10, "\(run.swarm)")
        #expect(run.swarm.shares.refused == [:])
        #expect(run.swarm.shares.lost == 0)
        #expect(run.pool.shares.accepted == run.swarm.shares.ok)
        #expect(run.pool.shares.rejected == [:])
    }

    /// Else the test above would say nothing.
    @Test func madeUpOnesDoNot() throws {
        let run = try Run([])
        #expect(run.swarm.shares.ok == 0)
        #expect(run.pool.shares.accepted == 0)
        #expect(run.pool.shares.rejected["bad_hash"] ?? 0 >= 10)
    }

    private struct PoolReport: Decodable {
        struct Shares: Decodable {
            var accepted: Int
            var rejected: [String: Int]
        }
        var shares: Shares
    }

    /// Twenty miners at a verifying pool, for six seconds.
    private struct Run {
        let swarm: SwarmReport
        let pool: PoolReport

        init(_ options: [String]) throws {
            let scratch = Scratch()
            let port = try Loopback.freePort()
            let poolReport = scratch.file("pool.json")
            let pool = try Program(
                "millrace-practice-pool",
                [
                    "--port", "\(port)", "--verify", "--difficulty", "2", "--job-interval", "2", "--quiet",
                    "--report-file", poolReport.path,
                ], in: scratch)
            try #require(eventually(within: 10) { FileManager.default.fileExists(atPath: poolReport.path) })
            let report = scratch.file("swarm.json")
            let swarm = Swarm(
                program: try Program(
                    "millrace-swarm",
                    [
                        "--connect", "127.0.0.1:\(port)", "--miners", "20", "--rate", "4", "--seconds", "6", "--quiet",
                        "--report-file", report.path,
                    ] + options, in: scratch), reportFile: report)
            self.swarm = try swarm.finish()
            try #require(pool.stop() == 0)
            self.pool = try JSONDecoder().decode(PoolReport.self, from: Data(contentsOf: poolReport))
        }
    }
}
