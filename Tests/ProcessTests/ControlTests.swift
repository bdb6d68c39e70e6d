import Foundation
import Glibc
import TestSupport
import Testing

/// The operator's verbs with the real processes.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct Control {
        @Test func aRestartOfItsShardCostsAMinerNothing() throws {
            let service = try Service(shards: 1)
            let miner = try service.miner("hand")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            let before = service.children("millrace-worker")
            let others = service.children("millrace-collector") + service.children("millrace-gateway")
            let done = try service.verb("restart", "0")
            #expect(done.code == 0 && done.text.contains("shard 0: ready"), "\(done.text)")
            #expect(service.children("millrace-worker") != before)
            #expect(service.children("millrace-collector") + service.children("millrace-gateway") == others)
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 6) { service.pool.accepted == 2 })
            let status = try service.verb("status")
            #expect(status.code == 0 && status.text.contains("1 (1 asked)"), "\(status.text)")
        }

        @Test func aStopEndsEverything() throws {
            let service = try Service(shards: 2)
            let processes = service.allChildren
            #expect(try service.verb("stop").code == 0)
            #expect(service.millrace.wait(atMost: 5) == 0)
            for process in processes { #expect(kill(process, 0) != 0) }
            #expect(try service.verb("status").code == 3)
        }
    }
}
