import Foundation
import Glibc
import TestSupport
import Testing

/// Miners are told another address while the service runs.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct RebindProcessTests {
        private let place = Scratch()
        private var file: URL { place.file("config.json") }

        private func write(_ binds: String...) throws {
            let list = binds.map { "\"\($0)\"" }.joined(separator: ", ")
            try place.write("{\"bind\": [\(list)], \"watch\": false}", to: "config.json")
        }

        private enum Visit: Equatable { case served, refused, dropped }

        /// Connects and logs in.
        private func visit(_ port: UInt16) -> Visit {
            guard let descriptor = Loopback.connected(to: port) else { return .refused }
            let miner = LineMiner(descriptor: descriptor)
            miner.sendLogin("visitor")
            return miner.reply(to: 1)?["error"] is NSNull ? .served : .dropped
        }

        @Test func bothAddressesServeDuringTheChangeAndNobodyIsDropped() throws {
            let (former, next) = (try Loopback.freePort(), try Loopback.freePort())
            try write("127.0.0.1:\(former)")
            let service = try Service(
                pool: ["--job-interval", "2"], millrace: ["--config", file.path], minerPort: former)
            let swarm = try service.startSwarm(["--miners", "100", "--rate", "200", "--seconds", "12"], reaching: 200)
            #expect(visit(next) == .refused)

            try write("127.0.0.1:\(next)")
            // The verb waits until the change is made everywhere.
            let reload = try service.startVerb("reload")
            var (toFormer, toNext): ([Visit], [Visit]) = ([], [])
            let isOver = eventually(within: 15) {
                toFormer.append(visit(former))
                toNext.append(visit(next))
                return service.millrace.log.contains("closed previous addresses: 127.0.0.1:\(former)")
            }
            try #require(isOver, "\(service.millrace.log)")
            #expect(reload.wait(atMost: 10) == 0)
            #expect(!toFormer.contains(.dropped) && toFormer.contains(.served), "\(toFormer)")
            #expect(!toNext.contains(.dropped) && toNext.contains(.served), "\(toNext)")
            #expect(eventually(within: 2) { visit(former) == .refused })
            for _ in 0..<20 { #expect(visit(next) == .served) }

            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.connections.made == 100, "\(service.millrace.log)")
            #expect(report.shares.lost == 0 && report.shares.refused == [:])
            // What a crash leaves listens at the new address too.
            try service.killShard(0)
            for _ in 0..<10 { #expect(visit(next) == .served) }
            #expect(visit(former) == .refused)
        }

        @Test func anAddressThatIsTakenChangesNothing() throws {
            let (port, next) = (try Loopback.freePort(), try Loopback.freePort())
            try write("127.0.0.1:\(port)")
            let service = try Service(millrace: ["--config", file.path], minerPort: port)
            let before = service.allChildren
            // Our own pool is the stranger that has it.
            try write("127.0.0.1:\(next)", "127.0.0.1:\(service.poolPort)")
            let refused = try service.verb("reload")
            #expect(refused.code == 1)
            #expect(
                refused.text.contains("bind: 127.0.0.1:\(service.poolPort): address already in use"), "\(refused.text)")
            #expect(service.allChildren == before)
            #expect(visit(port) == .served && visit(next) == .refused)
            #expect(try service.verb("status").text.contains("the last attempt to change it was refused"))
            // And the next one is taken, `next` being free.
            try write("127.0.0.1:\(port)", "127.0.0.1:\(next)")
            #expect(try service.verb("reload").code == 0)
            #expect(eventually(within: 10) { visit(next) == .served && service.isReady(shard: 1) })
            #expect(visit(port) == .served)
        }
    }
}
