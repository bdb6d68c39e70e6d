import Foundation
import Glibc
import TestSupport
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
        #expect(eventually(within: 3) { service.pool.accepted == report.shares.ok })
        #expect(service.pool.rejected?.count == 0)
        #expect(eventually(within: 3) { service.accepted == report.shares.ok }, "API: \(service.accepted ?? -1)")
        #expect(service.acceptedByWorkers == report.shares.ok)
        #expect(service.allChildren == before, "a process was restarted:\n\(service.millrace.log)")
    }

    @Test(arguments: ["millrace-collector", "millrace-gateway"])
    func monitoringMayDieAndNoMinerNotices(program: String) throws {
        let service = try Service(pool: ["--job-interval", "2"])
        let swarm = try service.startSwarm(["--miners", "200", "--rate", "500", "--seconds", "6"], reaching: 500)
        let victim = try #require(service.children(program).first)
        kill(victim, SIGKILL)
        #expect(eventually(within: 2) { service.isServing && service.children(program) != [victim] })
        let report = try swarm.finish()
        #expect(report.connections.lost == 0)
        #expect(report.shares.lost == 0)
        #expect(report.shares.refused == [:])
        #expect(eventually(within: 3) { service.pool.accepted == report.shares.ok })
        #expect(
            eventually(within: 5) { service.accepted == report.shares.ok },
            "API \(service.accepted ?? -1), miners \(report.shares.ok)\n\(service.millrace.log)")
    }

    @Test func aLostPoolCostsRepliesButNoneIsForgotten() throws {
        let service = try Service(pool: ["--job-interval", "2", "--reply-delay", "50"])
        let swarm = try service.startSwarm(["--miners", "200", "--rate", "400", "--seconds", "8"], reaching: 400)
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
        // Refused shares are told once a second.
        let refused = report.shares.refused.values.reduce(0, +)
        #expect(
            eventually(within: 3) {
                (service.document("/")?["results"] as? [String: Any])?["invalid"] as? Int == refused
            })
        #expect(service.children("millrace-worker") == workers)
    }

    @Test func itStopsInOrderAndAllMinersHearOfItAtOnce() throws {
        let service = try Service()
        let swarm = try service.startSwarm(
            ["--miners", "50", "--rate", "50", "--retry-pause", "30", "--seconds", "60"])
        try #require(swarm.hasReached(20))
        #expect(service.allChildren.count == 4)
        #expect(service.anchors.count == 2)
        // What an earlier process has left is let go of, too.
        try service.killShard(0)
        let dependants = service.dependants
        #expect(service.millrace.stop(within: 5) == 0, "\(service.millrace.log)")
        #expect(eventually(within: 2) { service.dependants.isEmpty }, "\(dependants) -> \(service.dependants)")
        #expect(eventually(within: 3) { swarm.current?.connections.now == 0 })
        #expect(swarm.current?.connections.lost == 50)
        _ = swarm.program.stop()
    }

    /// docs/decisions/0010
    @Test func noProcessInterruptsAnother() throws {
        let service = try Service()
        let batch: Int32 = 3  // SCHED_BATCH
        #expect(service.allChildren.map { sched_getscheduler($0) } == service.allChildren.map { _ in batch })
    }

    @Test func everybodyLeavesWithTheSupervisor() throws {
        let service = try Service()
        try service.killShard(1)
        #expect(service.dependants.count == 6)
        kill(service.millrace.pid, SIGKILL)
        #expect(eventually(within: 3) { service.dependants.isEmpty }, "\(service.millrace.log)")
    }
}
