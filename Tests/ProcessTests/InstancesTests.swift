import Foundation
import Glibc
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
                (minerPort, apiPort) = (try freePort(), try freePort())
                let text = """
                    {"pools": [{"url": "127.0.0.1:\(pool)"}], "bind": ["127.0.0.1:\(minerPort)"], "colors": false,
                     "http": {"enabled": true, "host": "127.0.0.1", "port": \(apiPort)}, "millrace": {"shards": 1}}
                    """
                try Data(text.utf8).write(to: scratch.url.appending(path: "\(name).json"))
            }

            var runDirectory: URL { scratch.url.appending(path: "run-\(name)") }
            var stateDirectory: URL { scratch.url.appending(path: "state-\(name)") }

            /// - Parameter options: beside the file, such as a run directory that is given.
            func start(_ options: [String] = []) throws {
                for directory in [runDirectory, stateDirectory] {
                    try FileManager.default.createDirectory(
                        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                }
                millrace = try Program(
                    "millrace", ["--config", scratch.url.appending(path: "\(name).json").path] + options, in: scratch,
                    environment: ["RUNTIME_DIRECTORY": runDirectory.path, "STATE_DIRECTORY": stateDirectory.path])
                try #require(eventually(within: 15) { accepted != nil && connects }, "\(millrace?.log ?? "")")
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
                let request = "GET /1/summary HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
                let text = String(decoding: exchange(port: apiPort, Array(request.utf8)), as: UTF8.self)
                guard let body = text.range(of: "\r\n\r\n") else { return nil }
                let object = try? JSONSerialization.jsonObject(with: Data(text[body.upperBound...].utf8))
                return ((object as? [String: Any])?["results"] as? [String: Any])?["accepted"] as? Int
            }

            private var connects: Bool {
                guard let descriptor = connectToLoopback(port: minerPort) else { return false }
                close(descriptor)
                return true
            }
        }

        @Test(arguments: [false, true])
        func twoInstancesKeepTheirStatisticsApartAndOverARestart(runDirectoryIsGiven: Bool) throws {
            let scratch = try Scratch()
            let poolPort = try freePort()
            let pool = try Program(
                "millrace-practice-pool", ["--port", "\(poolPort)", "--difficulty", "1000", "--quiet"], in: scratch)
            let instances = try ["north", "south"].map { try Instance($0, pool: poolPort, in: scratch) }
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
            #expect(pool.isRunning)
        }
    }
}
