import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// The processes that keep the connections are killed themselves.
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct AnchorProcessTests {
        private func anchor(of shard: Int, in service: Service) -> pid_t? {
            service.anchors.first { anchor in
                let title = try? String(contentsOfFile: "/proc/\(anchor)/cmdline", encoding: .utf8)
                return title?.hasPrefix("millrace-anchor: shard \(shard)\0") == true
            }
        }

        private func expectAnother(than former: pid_t, of shard: Int, in service: Service) throws {
            let isThere = eventually(within: 1) { anchor(of: shard, in: service).map { $0 != former } ?? false }
            try #require(isThere, "\(service.millrace.log)")
        }

        @Test func aKilledAnchorIsReplacedAndLaterDeathsKeepAllMiners() throws {
            let service = try Service(pool: ["--job-interval", "2"])
            let swarm = try service.startSwarm(["--miners", "200", "--rate", "300", "--seconds", "12"], reaching: 300)
            for (round, number) in [SIGKILL, SIGSEGV, SIGABRT].enumerated() {
                for shard in 0...1 {
                    let victim = try #require(anchor(of: shard, in: service))
                    kill(victim, number)
                    try expectAnother(than: victim, of: shard, in: service)
                }
                if round < 2 {
                    try service.killShard(round)
                } else {
                    let done = try service.verb("restart", "all")
                    #expect(done.code == 0, "\(done.text)")
                }
                usleep(1_100_000)
            }
            let report = try swarm.finish()
            #expect(report.connections.lost == 0, "\(service.millrace.log)")
            #expect(report.shares.lost == 0 && report.shares.refused == [:])
            #expect(service.millrace.log.contains("the anchor process was killed by signal \(SIGSEGV)"))
            #expect(eventually(within: 3) { service.anchors.count == 2 }, "\(service.anchors)")
            #expect(try !service.verb("status").text.contains("degraded"))
        }

        @Test func aStoppedAnchorIsContinued() throws {
            let service = try Service(pool: ["--job-interval", "2"])
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "7"], reaching: 200)
            let stopped = try #require(anchor(of: 1, in: service))
            kill(stopped, SIGSTOP)
            #expect(eventually(within: 1) { service.millrace.log.contains("was stopped by signal \(SIGSTOP)") })
            try service.killShard(1)
            let report = try swarm.finish()
            #expect(report.connections.lost == 0, "\(service.millrace.log)")
        }

        /// Its shard is frozen or busy, or has just been started: whenever an anchor is killed, another one comes.
        @Test func anAnchorThatIsKilledAgainAndAgainComesBack() throws {
            let service = try Service(pool: ["--job-interval", "2"])
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "8"], reaching: 200)
            for _ in 0..<20 {
                if let victim = anchor(of: 0, in: service) { kill(victim, SIGKILL) }
                usleep(50_000)
            }
            try #require(eventually(within: 2) { anchor(of: 0, in: service) != nil })
            try service.killShard(0)
            let report = try swarm.finish()
            #expect(report.connections.lost == 0, "\(service.millrace.log)")
            #expect(eventually(within: 3) { service.zombies.isEmpty && service.anchors.count == 2 })
        }
    }
}
