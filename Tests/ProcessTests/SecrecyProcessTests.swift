import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// What other users and the kernel get to see of the processes, and whom it takes when memory runs out.
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct SecrecyProcessTests {
        private func text(_ process: pid_t, _ file: String) -> String {
            String(decoding: FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data(), as: UTF8.self)
        }

        private func all(_ service: Service) -> [pid_t] { [service.millrace.pid] + service.dependants }

        @Test func noCommandLineShowsASecretNorDoesItAfterAnUpgrade() throws {
            let secrets = ["pool-hunter2", "door-hunter3", "token-hunter4", "login-hunter5"]
            let service = try Service(millrace: [
                "-p", secrets[0], "--access-password=\(secrets[1])", "--http-access-token", secrets[2],
                "-o", "127.0.0.1:1", "-Owallet:\(secrets[3])",
            ])
            func expectNothingShown(_ location: SourceLocation = #_sourceLocation) {
                for process in all(service) {
                    let line = text(process, "cmdline")
                    #expect(!secrets.contains { line.contains($0) }, "\(line)", sourceLocation: location)
                }
            }
            #expect(text(service.millrace.pid, "cmdline").contains("--access-password=****"))
            expectNothingShown()
            let before = service.children("millrace-worker")
            let done = try service.verb("upgrade")
            #expect(done.code == 0, "\(done.text)\n\(service.millrace.log)")
            #expect(Set(before).isDisjoint(with: service.children("millrace-worker")))
            expectNothingShown()
            // The new program has them still.
            #expect(service.document("/1/summary") == nil)
            #expect(!secrets.contains { service.millrace.log.contains($0) })
        }

        @Test func noProcessWritesACoreFile() throws {
            // As far as whoever runs the tests may write some himself.
            var (before, wide) = (rlimit(), rlimit())
            getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &before)
            wide = rlimit(rlim_cur: before.rlim_max, rlim_max: before.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &wide)
            defer { setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &before) }
            let service = try Service()
            for process in all(service) {
                let line = text(process, "limits").split(separator: "\n").first { $0.hasPrefix("Max core file size") }
                let soft = line?.split(separator: " ").dropFirst(4).first
                #expect(soft == "0" || soft == "1", "\(line ?? "")")
            }
        }

        /// `ulimit -v`, in KiB: less than the memory for the state of a shard takes.
        @Test(arguments: [524_288, 900_000])
        func aShardWithoutRoomForItsStateServesWithoutIt(limit: Int) throws {
            let place = Scratch()
            let run = place.file("run").path
            let port = try Loopback.freePort()
            let command = """
                ulimit -v \(limit); exec \(Checkout.programs.path)/millrace -o 127.0.0.1:1 -u w -b 127.0.0.1:\(port) \
                    --shards 2 --run-dir \(run) --no-color
                """
            let millrace = try Program("bash", ["-c", command], in: place, from: URL(filePath: "/bin"))
            try #require(eventually(within: 10) { millrace.log.contains("ready: 2 of 2 shards") }, "\(millrace.log)")
            #expect(millrace.log.contains("no memory for saved state (map: Cannot allocate memory)"))
            let connection = try #require(Loopback.connected(to: port))
            close(connection)
            let isTold = try eventually(within: 5) {
                let status = try Program("millrace", ["status", "--run-dir", run], in: place)
                _ = status.wait(atMost: 10)
                return status.log.contains("shard 1: crash safety: no memory for saved state")
            }
            #expect(isTold)
            #expect(millrace.stop() == 0)
        }

        @Test func theSupervisorAndTheAnchorsAreTheLastThatTheKernelTakes() throws {
            let service = try Service()
            func score(_ process: pid_t) throws -> Int {
                try #require(Int(text(process, "oom_score_adj").trimmingCharacters(in: .whitespacesAndNewlines)))
            }
            let base = try score(service.millrace.pid)
            for (name, more) in [("millrace-worker", 100), ("millrace-collector", 200), ("millrace-gateway", 300)] {
                for process in service.children(name) {
                    #expect(try score(process) == min(base + more, 1_000), "\(name)")
                }
            }
            let anchors = service.anchors
            #expect(anchors.count == 2)
            for anchor in anchors { #expect(try score(anchor) == base) }
            // One that comes later, too.
            kill(try #require(anchors.first), SIGKILL)
            try #require(eventually(within: 2) { service.anchors.count == 2 && service.anchors != anchors })
            for anchor in service.anchors { #expect(try score(anchor) == base) }
        }
    }
}
