import Foundation
import Glibc
import Testing

/// The operator's verbs with the real processes.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct Control {
        private func verb(_ words: [String], of service: Service) throws -> (code: Int32?, text: String) {
            let place = ["--run-dir", service.scratch.url.appending(path: "run").path]
            let program = try Program("millrace", words + place, in: service.scratch)
            let code = program.wait(atMost: 20)
            return (code, program.log)
        }

        @Test func aRestartOfItsShardCostsAMinerItsConnectionAndNothingElse() throws {
            let service = try Service(shards: 1)
            let miner = try LineMiner(port: service.minerPort)
            try miner.logIn("hand")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            let before = service.children("millrace-worker")
            let others = service.children("millrace-collector") + service.children("millrace-gateway")
            let done = try verb(["restart", "0"], of: service)
            #expect(done.code == 0 && done.text.contains("shard 0: ready"), "\(done.text)")
            #expect(service.children("millrace-worker") != before)
            #expect(service.children("millrace-collector") + service.children("millrace-gateway") == others)
            // It comes back, to the same address, and mines.
            let again = try LineMiner(port: service.minerPort)
            try again.logIn("hand")
            #expect(try again.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 6) { service.poolAccepted == 2 })
            let status = try verb(["status"], of: service)
            #expect(status.code == 0 && status.text.contains("1 (1 asked)"), "\(status.text)")
        }

        @Test func aStopEndsEverything() throws {
            let service = try Service(shards: 2)
            let processes = service.allChildren
            #expect(try verb(["stop"], of: service).code == 0)
            #expect(service.millrace.wait(atMost: 5) == 0)
            for process in processes { #expect(kill(process, 0) != 0) }
            #expect(try verb(["status"], of: service).code == 3)
        }
    }
}
