import Foundation
import TestSupport
import Testing

/// `"shards": "auto"`: more miners get more shards.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct GrowthProcessTests {
        @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "there is one core"))
        func aServiceGrowsWithItsMinersAndNoneNotices() throws {
            let service = try Service(shards: 1, namesShards: false)
            #expect(eventually(within: 5) { service.pool.logins == 1 })
            let few = try service.startSwarm(["--miners", "100", "--rate", "50", "--seconds", "12", "--strict"])
            Thread.sleep(forTimeInterval: 2)
            #expect(service.children("millrace-worker").count == 1)
            let many = try service.startSwarm([
                "--miners", "400", "--rate", "200", "--seconds", "9", "--strict", "--login", "more{n}", "--source",
                "127.0.0.2",
            ])
            #expect(eventually(within: 6) { service.children("millrace-worker").count > 1 }, "\(service.millrace.log)")
            #expect(
                eventually(within: 6) { service.millrace.log.contains("rebalanced in ") }, "\(service.millrace.log)")
            for swarm in [few, many] {
                let report = try swarm.finish()
                #expect(report.connections.lost == 0 && report.shares.ok == report.shares.sent, "\(report.shares)")
            }
            // What the operator says holds from then on.
            #expect(try service.verb("scale", "1").code == 0)
            let third = try service.startSwarm(["--miners", "450", "--rate", "50", "--seconds", "4", "--strict"])
            #expect(try third.finish().connections.lost == 0)
            #expect(service.children("millrace-worker").count == 1)
        }
    }
}
