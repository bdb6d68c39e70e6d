import Foundation
import Glibc
import Testing

/// The built programs together, as an operator has them. One at a time: they share the machine's cores.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct ServiceTests {
    @Test func everyCountOfAShareAgrees() throws {
        let service = try Service(pool: ["--job-interval", "1"])
        let before = service.allChildren
        let swarm = try service.startSwarm(
            ["--miners", "600", "--rate", "800", "--churn", "20", "--workers", "50", "--seconds", "6"])
        let report = try swarm.finish()
        #expect(report.shares.ok > 3_000)
        #expect(report.shares.refused == [:])
        #expect(report.shares.lost == 0)
        #expect(report.connections.lost == 0)
        #expect(report.nonceConflicts == 0)
        #expect(eventually(within: 3) { service.poolAccepted == report.shares.ok })
        #expect(service.poolRejected?.count == 0)
        #expect(eventually(within: 3) { service.accepted == report.shares.ok }, "API: \(service.accepted ?? -1)")
        #expect(service.acceptedByWorkers == report.shares.ok)
        #expect(service.allChildren == before, "a process was restarted:\n\(service.millrace.log)")
    }

    @Test func aKilledShardIsBackAndTheOthersNoticeNothing() throws {
        let service = try Service(pool: ["--job-interval", "2"])
        let swarm = try service.startSwarm(
            ["--miners", "200", "--rate", "400", "--retry-pause", "0.2", "--seconds", "8"])
        try #require(swarm.hasReached(400))
        let workers = service.children("millrace-worker")
        kill(workers[0], SIGKILL)
        #expect(
            eventually(within: 2) {
                let now = service.children("millrace-worker")
                return now.count == 2 && !now.contains(workers[0])
            }, "\(service.millrace.log)")
        #expect(service.children("millrace-worker").contains(workers[1]))
        let report = try swarm.finish()
        // Its own miners were dropped once; the other shard's were not.
        #expect(report.connections.lost > 0)
        #expect(report.connections.lost < 200)
        #expect(report.connections.now == 200)
        #expect(report.nonceConflicts == 0)
        #expect(service.poolRejected?.count == 0)
        #expect(
            service.millrace.log.contains("shard 0 was ended by SIGKILL")
                || service.millrace.log.contains("shard 1 was ended by SIGKILL"))
    }

    @Test(arguments: ["millrace-collector", "millrace-gateway"])
    func monitoringMayDieAndNoMinerNotices(program: String) throws {
        let service = try Service(pool: ["--job-interval", "2"])
        let swarm = try service.startSwarm(["--miners", "200", "--rate", "500", "--seconds", "6"])
        try #require(swarm.hasReached(500))
        let victim = try #require(service.children(program).first)
        kill(victim, SIGKILL)
        #expect(eventually(within: 2) { service.isServing && service.children(program) != [victim] })
        let report = try swarm.finish()
        #expect(report.connections.lost == 0)
        #expect(report.shares.lost == 0)
        #expect(report.shares.refused == [:])
        #expect(eventually(within: 3) { service.poolAccepted == report.shares.ok })
        #expect(
            eventually(within: 5) { service.accepted == report.shares.ok },
            "API \(service.accepted ?? -1), miners \(report.shares.ok)\n\(service.millrace.log)")
    }

    @Test func aLostPoolCostsRepliesButNoneIsForgotten() throws {
        let service = try Service(pool: ["--job-interval", "2", "--reply-delay", "50"])
        let swarm = try service.startSwarm(["--miners", "200", "--rate", "400", "--seconds", "8"])
        try #require(swarm.hasReached(400))
        let workers = service.children("millrace-worker")
        try service.replacePool()
        let before = swarm.current?.shares.ok ?? 0
        #expect(swarm.hasReached(before + 400, within: 6), "\(service.millrace.log)")
        let report = try swarm.finish()
        #expect(report.connections.lost == 0)
        #expect(report.shares.lost == 0)
        #expect(Set(report.shares.refused.keys).isSubset(of: ["Bad gateway", "Stale share"]))
        #expect(report.shares.refused["Bad gateway"] ?? 0 > 0)
        #expect(eventually(within: 3) { service.accepted == report.shares.ok })
        let invalid = (service.document("/")?["results"] as? [String: Any])?["invalid"] as? Int
        #expect(invalid == report.shares.refused.values.reduce(0, +))
        #expect(service.children("millrace-worker") == workers)
    }

    @Test func itStopsInOrder() throws {
        let service = try Service()
        let swarm = try service.startSwarm(["--miners", "50", "--rate", "50", "--seconds", "30"])
        try #require(swarm.hasReached(20))
        let children = service.allChildren
        #expect(children.count == 4)
        #expect(service.millrace.stop(within: 5) == 0, "\(service.millrace.log)")
        #expect(eventually(within: 2) { children.allSatisfy { kill($0, 0) != 0 } })
        _ = swarm.program.stop()
    }

    @Test func childrenLeaveWithTheirSupervisor() throws {
        let service = try Service()
        let children = service.allChildren
        kill(service.millrace.pid, SIGKILL)
        #expect(eventually(within: 3) { children.allSatisfy { kill($0, 0) != 0 } }, "\(service.millrace.log)")
    }
}
