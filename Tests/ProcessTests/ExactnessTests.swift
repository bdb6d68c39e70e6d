import Foundation
import Glibc
import TestSupport
import Testing

/// The numbers under faults. With MILLRACE_FULL_SIZE set, at the size that was promised: 2,000 miners, 1,000 shares a
/// second for two minutes (`MILLRACE_FULL_SIZE=1 swift test --filter ExactnessTests`); else a tenth of the time.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ExactnessTests {
    private let isFull = ProcessInfo.processInfo.environment["MILLRACE_FULL_SIZE"] != nil
    private var seconds: Int { isFull ? 120 : 12 }
    private var load: [String] {
        ["--miners", isFull ? "2000" : "400", "--rate", "1000", "--workers", "300", "--seconds", "\(seconds)"]
    }
    /// How long something is away.
    private var absence: UInt32 { isFull ? 18 : 2 }
    private var pause: UInt32 { isFull ? 8 : 1 }

    @Test func killedAndStoppedMonitoringCostsNoShare() throws {
        let service = try Service(pool: ["--job-interval", "2"])
        let swarm = try service.startSwarm(load)
        try #require(swarm.hasReached(500))
        for _ in 0..<3 {
            try service.killChild("millrace-collector")
            sleep(pause)
        }
        let stopped = try #require(service.children("millrace-collector").first)
        kill(stopped, SIGSTOP)
        sleep(absence)
        kill(stopped, SIGCONT)
        for _ in 0..<2 {
            try service.killChild("millrace-gateway")
            sleep(pause)
        }
        try expectAgreement(service, swarm)
    }

    @Test func aFullDiskCostsNoShare() throws {
        let disk = try #require(SmallDisk("8m"), "a tmpfs cannot be mounted here: not root?")
        let service = try Service(
            pool: ["--job-interval", "2"], millrace: ["--database", disk.path + "/statistics.sqlite"])
        let swarm = try service.startSwarm(load)
        try #require(swarm.hasReached(500))
        disk.fill()
        sleep(1)
        #expect(eventually(within: 10) { service.databaseState == "failing" }, "\(service.millrace.log)")
        sleep(absence)
        // The worst moment for a crash: nothing since the disk was full is durable.
        try service.killChild("millrace-collector")
        sleep(pause)
        disk.empty()
        try expectAgreement(service, swarm)
        #expect(eventually(within: 40) { service.databaseState == "durable" }, "\(service.millrace.log)")
    }

    @Test func aKilledShardTakesNothingBack() throws {
        let service = try Service(pool: ["--job-interval", "2"])
        let swarm = try service.startSwarm(load)
        try #require(swarm.hasReached(500))
        var highest = 0
        var stepsBack: [String] = []
        for round in 0..<(seconds * 10) {
            if round == 20 { kill(service.children("millrace-worker")[0], SIGKILL) }
            if let accepted = service.accepted {
                if accepted < highest { stepsBack.append("\(highest) -> \(accepted)") }
                highest = max(highest, accepted)
            }
            usleep(50_000)
        }
        #expect(stepsBack == [])
        // Its successor knew all that it had not told anybody.
        try expectAgreement(service, swarm)
    }

    @Test func everythingIsThereAgainAfterARestartOfTheService() throws {
        let scratch = Scratch()
        let database = ["--database", scratch.file("statistics.db").path]
        var before: [String: Any] = [:]
        var accepted = 0
        do {
            let service = try Service(millrace: database)
            let report = try service.startSwarm(
                ["--miners", "100", "--rate", "500", "--workers", "40", "--seconds", "4"]
            ).finish()
            accepted = report.shares.ok
            #expect(eventually(within: 5) { service.accepted == accepted })
            before = try #require(service.document("/1/workers"))
            #expect(service.millrace.stop(within: 5) == 0)
        }
        let service = try Service(millrace: database)
        #expect(eventually(within: 5) { service.accepted == accepted }, "\(service.accepted ?? -1) of \(accepted)")
        #expect(service.acceptedByWorkers == accepted)
        let after = try #require(service.document("/1/workers"))
        #expect((after["workers"] as? [Any])?.count == (before["workers"] as? [Any])?.count)
        // 12 h and 24 h: whole hours do not matter to them within a few seconds.
        for window in [3, 4] {
            let (was, now) = (hashrate(before, window), hashrate(after, window))
            #expect(was > 0)
            #expect(abs(now - was) <= 0.02, "window \(window): \(was) -> \(now)")
        }
        let points = (service.document("/1/history")?["points"] as? [[Any]]) ?? []
        #expect(points.reduce(0) { $0 + ($1[1] as? Int ?? 0) } == accepted, "\(points)")
    }

    // MARK: -

    private func hashrate(_ document: [String: Any], _ window: Int) -> Double {
        ((document["hashrate"] as? [String: Any])?["total"] as? [Double])?[window] ?? -1
    }

    /// pool = miners = API = sum over workers = SQLite, and nothing was lost.
    private func expectAgreement(_ service: Service, _ swarm: Swarm) throws {
        let report = try swarm.finish(within: Double(seconds) + 60)
        #expect(report.shares.ok > seconds * 500)
        #expect(report.shares.lost == 0)
        #expect(report.connections.lost == 0)
        #expect(eventually(within: 5) { service.pool.accepted == report.shares.ok })
        #expect(
            eventually(within: 15) { service.accepted == report.shares.ok },
            "API \(service.accepted ?? -1), miners \(report.shares.ok)\n\(service.millrace.log)")
        #expect(service.acceptedByWorkers == report.shares.ok)
        #expect(service.eventsLost == 0)
        #expect(
            eventually(within: 45) { service.acceptedInDatabase == [report.shares.ok, report.shares.ok] },
            "\(service.acceptedInDatabase), miners \(report.shares.ok)")
    }
}
