import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// Other programs take the places of all that run, and the miners stay.
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct UpgradeProcessTests {
        private func upgrade(_ service: Service, _ more: String...) throws -> (code: Int32?, text: String) {
            let program = try service.start(verb: ["upgrade"] + more)
            return (program.wait(atMost: 60), program.log)
        }

        /// What the pool has been logged in to, when it has written its report again.
        private func logins(_ service: Service) -> Int? {
            usleep(700_000)
            return service.pool.logins
        }

        /// Whether the process runs a file that is in its place still.
        private func isInstalled(_ process: pid_t) -> Bool {
            let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")) ?? ""
            return !path.isEmpty && !path.hasSuffix(" (deleted)")
        }

        private func expectNothingLost(
            _ service: Service, _ swarm: Swarm, _ loginsBefore: Int?, _ location: SourceLocation = #_sourceLocation
        ) throws {
            let report = try swarm.finish()
            let log = Comment(rawValue: service.millrace.log)
            #expect(report.connections.lost == 0, log, sourceLocation: location)
            #expect(report.shares.lost == 0, log, sourceLocation: location)
            #expect(report.shares.refused == [:], log, sourceLocation: location)
            #expect(report.nonceConflicts == 0, sourceLocation: location)
            #expect(logins(service) == loginsBefore, log, sourceLocation: location)
            #expect(eventually(within: 3) { service.pool.accepted == report.shares.ok }, sourceLocation: location)
            #expect(service.pool.rejected?.count == 0, sourceLocation: location)
            #expect(
                eventually(within: 5) { service.accepted == report.shares.ok },
                "API \(service.accepted ?? -1), miners \(report.shares.ok)", sourceLocation: location)
        }

        @Test(arguments: [[], ["--tls"]] as [[String]])
        func twoUpgradesUnderLoadAndNobodyNotices(tls: [String]) throws {
            let service = try Service(pool: ["--job-interval", "2"] + tls, millrace: tls, installs: true)
            let swarm = try service.startSwarm(
                ["--miners", "300", "--rate", "400", "--seconds", "14"] + tls, reaching: 400)
            let loginsBefore = logins(service)
            for round in 1...2 {
                let before = service.allChildren
                try service.install()
                #expect(!isInstalled(service.millrace.pid))
                let done = try upgrade(service)
                #expect(done.code == 0, "\(done.text)\n\(service.millrace.log)")
                #expect(done.text.contains("process \(service.millrace.pid) now runs Millrace"))
                #expect(done.text.contains("from ") && done.text.contains("/bin/millrace (Millrace "), "\(done.text)")
                let after = service.allChildren
                #expect(after.count == 4 && Set(after).isDisjoint(with: before), "round \(round)")
                for process in after + [service.millrace.pid] { #expect(isInstalled(process)) }
            }
            try expectNothingLost(service, swarm, loginsBefore)
            #expect(service.millrace.stop() == 0)
        }

        /// Another program may decide otherwise on the same log, so it must not go on with it after a crash.
        @Test func aShardThatDiesBetweenTheNewFilesAndTheUpgradeIsFollowedByItsOwnProgram() throws {
            let service = try Service(pool: ["--job-interval", "2"], installs: true)
            let swarm = try service.startSwarm(["--miners", "300", "--rate", "400", "--seconds", "12"], reaching: 400)
            let loginsBefore = logins(service)
            try service.install()
            let worker = service.scratch.file("bin/millrace-worker").path
            let newer = [timespec(tv_sec: 1_900_000_000, tv_nsec: 7), timespec(tv_sec: 1_900_000_000, tv_nsec: 7)]
            try #require(utimensat(AT_FDCWD, worker, newer, 0) == 0)
            try service.killShard(0)
            #expect(!isInstalled(try #require(service.shard(0))), "\(service.millrace.log)")
            #expect(try upgrade(service).code == 0, "\(service.millrace.log)")
            #expect(isInstalled(try #require(service.shard(0))))
            try service.killShard(0)
            try expectNothingLost(service, swarm, loginsBefore)
        }

        @Test func whatWorkedBeforeAnUpgradeWorksAfterIt() throws {
            let service = try Service(shards: 1, installs: true)
            try service.install()
            #expect(try upgrade(service, "--json").code == 0)
            // A child of the new program, which has not been replaced since, and the lock of the run directory.
            try service.killChild("millrace-worker")
            let second = try Program(
                "millrace",
                [
                    "-o", "127.0.0.1:1", "-u", "x", "-b", "127.0.0.1:0", "--run-dir",
                    service.scratch.file("run").path,
                ], in: service.scratch)
            #expect(second.wait(atMost: 10) == 4 && second.log.contains("uses this run directory"), "\(second.log)")
            let children = service.allChildren
            #expect(service.millrace.stop() == 0, "\(service.millrace.log)")
            for process in children { #expect(kill(process, 0) != 0) }
            let left = try FileManager.default.contentsOfDirectory(
                atPath: service.scratch.file("run").path)
            #expect(!left.contains("control") && !left.contains("supervisor.pid"))
        }

        @Test func programsThatDoNotServeAreRefusedAndNothingChanges() throws {
            let service = try Service(installs: true)
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "100", "--seconds", "10"], reaching: 100)
            let (loginsBefore, before) = (logins(service), service.allChildren)
            func expectRefused(_ reason: String, _ location: SourceLocation = #_sourceLocation) throws {
                let done = try upgrade(service)
                #expect(done.code == 1 && done.text.contains(reason), "\(done.text)", sourceLocation: location)
            }
            try service.install("millrace", script: "#!/bin/sh\nexit 1\n")
            try expectRefused("exited with code 1")
            try service.install("millrace", script: "#!/bin/sh\nexit 0\n")
            try expectRefused("did not confirm that it can continue")
            try service.install("millrace", script: "#!/bin/sh\nexit 0\n", mode: 0o644)
            try expectRefused("permission denied")
            try service.install("millrace", script: "\u{7f}ELF and then nothing")
            try expectRefused("did not confirm that it can continue")
            try service.install()
            try service.install("millrace-worker", script: "#!/bin/sh\nexit 127\n")
            try expectRefused("millrace-worker: cannot run on this machine")
            #expect(service.allChildren == before)
            #expect(service.millrace.log.contains("upgrade refused; the service continues unchanged"))
            // With all of them repaired it is done.
            try service.install()
            #expect(try upgrade(service).code == 0, "\(service.millrace.log)")
            #expect(Set(service.allChildren).isDisjoint(with: before))
            try expectNothingLost(service, swarm, loginsBefore)
        }
    }
}
