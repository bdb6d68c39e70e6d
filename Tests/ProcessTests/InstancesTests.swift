import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// Several services on one machine, as deploy/systemd/millrace@.service runs them.
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct InstancesTests {
        /// What the unit gives an instance: a file, a runtime directory, a state directory.
        private final class Instance {
            let minerPort: UInt16
            private let apiPort: UInt16
            private let scratch: Scratch
            private let name: String
            private var millrace: Program?

            init(_ name: String, pool: UInt16, in scratch: Scratch) throws {
                (self.name, self.scratch) = (name, scratch)
                (minerPort, apiPort) = (try Loopback.freePort(), try Loopback.freePort())
                let text = """
                    {"pools": [{"url": "127.0.0.1:\(pool)"}], "bind": ["127.0.0.1:\(minerPort)"], "colors": false,
                     "http": {"enabled": true, "host": "127.0.0.1", "port": \(apiPort)}, "millrace": {"shards": 1}}
                    """
                try scratch.write(text, to: "\(name).json")
            }

            var runDirectory: URL { scratch.file("run-\(name)") }
            var stateDirectory: URL { scratch.file("state-\(name)") }

            /// - Parameter options: beside the file, such as a run directory that is given.
            func start(_ options: [String] = []) throws {
                for directory in [runDirectory, stateDirectory] {
                    try FileManager.default.createDirectory(
                        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                }
                millrace = try Program(
                    "millrace", ["--config", scratch.file("\(name).json").path] + options, in: scratch,
                    environment: ["RUNTIME_DIRECTORY": runDirectory.path, "STATE_DIRECTORY": stateDirectory.path])
                try #require(
                    eventually(within: 15) { accepted != nil && Loopback.isServed(minerPort) }, "\(millrace?.log ?? "")"
                )
            }

            /// Stops it, and empties its runtime directory as systemd does.
            func stop() throws {
                #expect(millrace?.stop() == 0, "\(millrace?.log ?? "")")
                try FileManager.default.removeItem(at: runDirectory)
            }

            func mine(_ shares: Int) throws {
                let miner = try LineMiner(port: minerPort)
                try miner.logIn("rig of \(name)")
                for _ in 0..<shares { #expect(try miner.submit(difficulty: 2_000) == "OK") }
            }

            var accepted: Int? {
                let summary = (try? HTTPClient(port: apiPort).get("/1/summary")).flatMap { jsonObject($0.body) }
                return (summary?["results"] as? [String: Any])?["accepted"] as? Int
            }
        }

        @Test(arguments: [false, true])
        func twoInstancesKeepTheirStatisticsApartAndOverARestart(runDirectoryIsGiven: Bool) throws {
            let scratch = Scratch()
            let pool = try PracticePool(in: scratch)
            let instances = try ["north", "south"].map { try Instance($0, pool: pool.port, in: scratch) }
            func options(_ instance: Instance) -> [String] {
                runDirectoryIsGiven ? ["--run-dir", instance.runDirectory.path] : []
            }
            for instance in instances { try instance.start(options(instance)) }
            for (instance, shares) in zip(instances, [3, 5]) { try instance.mine(shares) }
            for (instance, shares) in zip(instances, [3, 5]) {
                #expect(eventually(within: 6) { instance.accepted == shares }, "\(instance.accepted ?? -1)")
            }
            try instances[0].stop()
            #expect(instances[1].accepted == 5)
            let database = instances[0].stateDirectory.appending(path: "statistics.sqlite").path
            #expect(FileManager.default.fileExists(atPath: database))

            try instances[0].start(options(instances[0]))
            #expect(eventually(within: 6) { instances[0].accepted == 3 }, "\(instances[0].accepted ?? -1)")
            try instances[0].mine(2)
            #expect(eventually(within: 6) { instances[0].accepted == 5 })
            for instance in instances { try instance.stop() }
            #expect(pool.program.isRunning)
        }
    }
}
