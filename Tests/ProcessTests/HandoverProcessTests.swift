import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// Shards that come and go while their miners stay.
    @Suite(.serialized, .timeLimit(.minutes(5)))
    struct HandoverProcessTests {
        /// A service with miners; and the logins of both shards' upstreams, over which miners may still be spread.
        private func underLoad(
            _ seconds: Int, _ more: String..., pool: [String] = ["--job-interval", "2"], installs: Bool = false,
            tls: Bool = false
        ) throws -> (service: Service, swarm: Swarm, logins: Int) {
            // OpenSSL at the other end of both sides, which has new keys requested again and again.
            let security = tls ? ["--tls", "--key-update-every", "9"] : []
            let service = try Service(pool: pool + security, millrace: tls ? ["--tls"] : [], installs: installs)
            let load = ["--miners", "300", "--rate", "400", "--workers", "50", "--seconds", "\(seconds)"]
            let swarm = try service.startSwarm(load + security + more)
            try #require(swarm.hasReached(300))
            usleep(600_000)  // the pool writes its report twice a second
            return (service, swarm, try #require(service.pool.logins))
        }

        /// Waits until the miners have ended, and compares what everybody has seen.
        private func expectNothingHappened(
            to service: Service, _ swarm: Swarm, logins: Int?, location: SourceLocation = #_sourceLocation
        ) throws {
            let report = try swarm.finish()
            let log = Comment(rawValue: service.millrace.log)
            #expect(report.connections.lost == 0, log, sourceLocation: location)
            #expect(report.logins.ok == report.connections.made, sourceLocation: location)
            #expect(report.shares.ok > 1_000, sourceLocation: location)
            #expect(report.shares.lost == 0, sourceLocation: location)
            #expect(report.shares.refused == [:], log, sourceLocation: location)
            #expect(report.nonceConflicts == 0, sourceLocation: location)
            #expect(
                eventually(within: 3) { service.pool.accepted == report.shares.ok },
                "pool \(service.pool.accepted ?? -1), miners \(report.shares.ok)", sourceLocation: location)
            #expect(service.pool.rejected?.count == 0, sourceLocation: location)
            #expect(service.pool.logins == logins, "the pool was logged in to again", sourceLocation: location)
            #expect(
                eventually(within: 5) { service.accepted == report.shares.ok },
                "API \(service.accepted ?? -1), miners \(report.shares.ok)", sourceLocation: location)
            #expect(service.acceptedByWorkers == report.shares.ok, sourceLocation: location)
            expectOneAnchorAShard(service, location)
        }

        private func expectOneAnchorAShard(_ service: Service, _ location: SourceLocation) {
            #expect(
                eventually(within: 3) { service.anchors.count == 2 }, "anchors \(service.anchors)",
                sourceLocation: location)
            #expect(eventually(within: 3) { service.zombies.isEmpty }, sourceLocation: location)
        }

        // MARK: - Everybody stays

        @Test(arguments: [false, true])
        func killedShardsAreBackAndNobodyNotices(tls: Bool) throws {
            let (service, swarm, logins) = try underLoad(12, tls: tls)
            for round in 0..<5 {
                try service.killShard(round % 2)
                usleep(1_000_000)
            }
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        @Test(arguments: [false, true])
        func shardsAreReplacedAndNobodyNotices(tls: Bool) throws {
            let (service, swarm, logins) = try underLoad(10, tls: tls)
            for _ in 0..<3 {
                let before = service.children("millrace-worker")
                let done = try service.verb("restart", "all")
                #expect(done.code == 0, "\(done.text)")
                #expect(Set(before).isDisjoint(with: service.children("millrace-worker")))
            }
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        /// Shares are under way at every moment, and the moments are any.
        @Test(arguments: [(1, false), (2, true)] as [(UInt64, Bool)])
        func noMomentToBeKilledIsABadOne(seed: UInt64, tls: Bool) throws {
            // Miners whose handshake is cut come back, so with TLS none come new.
            let churn = tls ? "0" : "20"
            let (service, swarm, logins) = try underLoad(
                18, "--churn", churn, "--seed", "\(seed)",
                pool: ["--job-interval", tls ? "2" : "1", "--reply-delay", "50"],
                tls: tls)
            var random = SeededGenerator(seed: seed)
            for round in 0..<20 {
                try service.killShard(random.below(2))
                // Quick deaths are answered with pauses, and ten in a row are too many.
                usleep(UInt32(random.below(120_000)) + (round % 6 == 5 ? 1_100_000 : 0))
            }
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        @Test func aStoppedShardIsReplacedAndItsMinersStay() throws {
            let (service, swarm, logins) = try underLoad(8)
            let stopped = try #require(service.shard(1))
            kill(stopped, SIGSTOP)
            usleep(700_000)
            // As the watchdog does, which would wait for twenty seconds.
            kill(stopped, SIGABRT)
            usleep(100_000)
            kill(stopped, SIGKILL)
            #expect(eventually(within: 5) { service.shard(1) != stopped && service.isReady(shard: 1) })
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        // MARK: - Successors

        /// Kills the process that comes after `process`, so many microseconds after it is there.
        /// - Returns: it; nil when it had become ready before.
        private func killSuccessor(of process: pid_t, shard: Int, after delay: UInt32, in service: Service) throws
            -> pid_t?
        {
            var next: pid_t?
            let isThere = eventuallyAtOnce(within: 10) {
                next = service.shard(shard)
                return next != nil && next != process
            }
            try #require(isThere, "\(service.millrace.log)")
            let successor = try #require(next)
            usleep(delay)
            kill(successor, SIGKILL)
            _ = eventuallyAtOnce(within: 2) { service.shard(shard) != successor }
            return service.millrace.log.contains("(process \(successor)) is ready") ? nil : successor
        }

        @Test(arguments: [0, 40_000, 100_000] as [UInt32])
        func aSuccessorThatIsKilledHasASuccessorToo(delay: UInt32) throws {
            let (service, swarm, logins) = try underLoad(7)
            let first = try #require(service.shard(0))
            kill(first, SIGKILL)
            let second = try killSuccessor(of: first, shard: 0, after: delay, in: service)
            #expect(delay > 0 || second != nil, "it was ready too soon")
            if let second { _ = try killSuccessor(of: second, shard: 0, after: delay, in: service) }
            #expect(eventually(within: 5) { service.isReady(shard: 0) }, "\(service.millrace.log)")
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        /// What a successor does that is of no use, by the moment at which it is of none; each leaves the service as it was.
        private static let failures = [
            "starts and leaves": "exit 1",
            "is killed before it adopts": "echo prepared >&3; read word <&3; kill -9 $$",
            "refuses to adopt": "echo prepared >&3; read word <&3; exit 2",
            "adopts for ever": "echo prepared >&3; read word <&3; exec sleep 60",
            "never starts": "exec sleep 60",
        ]

        @Test(arguments: failures.keys.sorted())
        func aSuccessorThatFailsOrHangsLeavesEverythingAsItWas(how: String) throws {
            // Miners that wait for seconds find shares for a job that is over; here it is not.
            let seconds = how == "never starts" ? 24 : 12
            let (service, swarm, logins) = try underLoad(seconds, pool: ["--job-interval", "60"], installs: true)
            let before = service.children("millrace-worker")
            let script = try #require(Self.failures[how])
            try service.install("millrace-worker", script: "#!/bin/sh\n\(script)\n")
            let done = try service.verb("restart", "all")
            #expect(done.code == 1, "\(done.text)")
            #expect(service.millrace.log.contains("continues; its new process failed"))
            #expect(service.children("millrace-worker") == before)
            // Repaired, it is done.
            try service.install()
            #expect(try service.verb("restart", "all").code == 0, "\(service.millrace.log)")
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        @Test func aSuccessorThatFailsWithEverythingInItsHandsIsFollowedByAnother() throws {
            let (service, swarm, logins) = try underLoad(8, installs: true)
            let program = Checkout.program("millrace-worker").path
            try service.install(
                "millrace-worker",
                script: """
                    #!/bin/sh
                    grep -q '"standsBeside":true' /proc/self/fd/4 || exec \(program) "$@"
                    echo prepared >&3; read word <&3; echo adopted >&3; read word <&3; exit 1

                    """)
            #expect(try service.verb("restart", "0").code == 0, "\(service.millrace.log)")
            #expect(service.millrace.log.contains("shard 0 exited with code 1"))
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        @Test func aStoppedShardThatIsToHandOverIsEndedAndItsSuccessorGoesOn() throws {
            let (service, swarm, logins) = try underLoad(12, pool: ["--job-interval", "60"])
            let stopped = try #require(service.shard(1))
            kill(stopped, SIGSTOP)
            #expect(try service.verb("restart", "1").code == 0, "\(service.millrace.log)")
            #expect(service.shard(1) != stopped)
            try expectNothingHappened(to: service, swarm, logins: logins)
        }

        @Test func whatKillsThreeSuccessorsIsGivenUpAndTheMinersComeBack() throws {
            let (service, swarm, _) = try underLoad(10, "--retry-pause", "0.2")
            var last = try #require(service.shard(0))
            kill(last, SIGKILL)
            for _ in 0..<3 {
                last = try #require(
                    try killSuccessor(of: last, shard: 0, after: 0, in: service), "it was ready too soon")
            }
            #expect(eventually(within: 5) { service.isReady(shard: 0) }, "\(service.millrace.log)")
            #expect(service.millrace.log.contains("shard 0 keeps crashing while restoring its saved state"))
            try expectOnlyTheMinersOfOneShardCameBack(service, swarm)
        }

        @Test(arguments: ["form", "head"])
        func damagedMemoryIsNotUsedAndTheLogSaysSo(what: String) throws {
            let (service, swarm, _) = try underLoad(8, "--retry-pause", "0.2")
            let victim = try #require(service.shard(1))
            // It must not mend the damage by writing everything anew.
            kill(victim, SIGSTOP)
            let memory = try StateFile(of: 1, supervisor: service.millrace.pid)
            what == "form" ? memory.damageStates() : memory.damageHead()
            kill(victim, SIGKILL)
            #expect(eventually(within: 5) { service.shard(1) != victim && service.isReady(shard: 1) })
            #expect(
                service.millrace.log.contains("cannot restore the state of the previous process"),
                "\(service.millrace.log)")
            try expectOnlyTheMinersOfOneShardCameBack(service, swarm)
            // And the next one can take over again.
            try service.killShard(1)
            #expect(service.millrace.log.contains("took over"), "\(service.millrace.log)")
        }

        private func expectOnlyTheMinersOfOneShardCameBack(
            _ service: Service, _ swarm: Swarm, location: SourceLocation = #_sourceLocation
        ) throws {
            let report = try swarm.finish()
            #expect((1..<300).contains(report.connections.lost), sourceLocation: location)
            #expect(report.connections.made == 300 + report.connections.lost, sourceLocation: location)
            #expect(report.logins.ok == report.connections.made, sourceLocation: location)
            #expect(report.nonceConflicts == 0, sourceLocation: location)
            #expect(service.pool.rejected?.count == 0, sourceLocation: location)
            #expect(service.children("millrace-worker").count == 2, sourceLocation: location)
            expectOneAnchorAShard(service, location)
        }
    }
}

/// Like `eventually`, without rest: for moments that pass quickly.
private func eventuallyAtOnce(within seconds: Double, _ condition: () -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
        if condition() { return true }
    }
    return condition()
}

/// The memory of a shard, as the supervisor holds it.
private final class StateFile {
    /// docs/HANDOVER.md: a head of 64 bytes, then two halves.
    private static let headBytes = 64
    private let descriptor: Int32
    private let halfBytes: Int

    init(of shard: Int, supervisor: pid_t) throws {
        let directory = "/proc/\(supervisor)/fd"
        let entries = try FileManager.default.contentsOfDirectory(atPath: directory)
        let path = entries.map { "\(directory)/\($0)" }.first { path in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: path))?
                .hasPrefix("/memfd:shard \(shard)") == true
        }
        descriptor = open(try #require(path, "no memory of shard \(shard)"), O_RDWR)
        try #require(descriptor >= 0)
        halfBytes = (Int(lseek(descriptor, 0, Int32(SEEK_END))) - StateFile.headBytes) / 2 & ~63
    }

    deinit { close(descriptor) }

    /// Lengths that cannot be, where the first sections of both halves begin.
    func damageStates() {
        for half in 0..<2 { overwrite(at: StateFile.headBytes + half * halfBytes + 8, count: 64) }
    }

    func damageHead() { overwrite(at: 0, count: 64) }

    private func overwrite(at offset: Int, count: Int) {
        let bytes = [UInt8](repeating: 0xff, count: count)
        _ = pwrite(descriptor, bytes, count, off_t(offset))
    }
}
