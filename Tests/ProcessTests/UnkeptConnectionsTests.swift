import Foundation
import Glibc
import TestSupport
import Testing

/// `"millrace": {"keep-connections": false}`: connections end with their process.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct UnkeptConnectionsTests {
        private let place = Scratch()
        private var file: URL { place.file("config.json") }

        private func write(keeps: Bool) throws {
            try place.write("{\"millrace\": {\"keep-connections\": \(keeps)}, \"watch\": false}", to: "config.json")
        }

        private func start() throws -> Service {
            try Service(pool: ["--job-interval", "2"], millrace: ["--config", file.path])
        }

        @Test func theMinersOfAKilledShardReconnectOnceAndNobodyElseNotices() throws {
            try write(keeps: false)
            let service = try start()
            #expect(service.anchors.isEmpty)
            let swarm = try service.startSwarm(
                [
                    "--miners", "200", "--rate", "200", "--seconds", "8", "--retry-pause", "0.2",
                ], reaching: 200)
            let (neighbour, victim) = (service.shard(0), try #require(service.shard(1)))
            let shares = service.document("/1/shards")?["shards"] as? [[String: Any]]
            let miners = try #require(shares?.last?["miners"] as? Int)
            try #require((1..<200).contains(miners))

            let began = Date()
            kill(victim, SIGKILL)
            let isBack = eventually(within: 5) { service.shard(1) != victim && service.isReady(shard: 1) }
            let milliseconds = Date().timeIntervalSince(began) * 1_000
            try #require(isBack, "\(service.millrace.log)")
            #expect(milliseconds < 500)

            let report = try swarm.finish()
            #expect(report.connections.lost == miners)
            #expect(report.connections.made == 200 + miners)
            #expect(report.logins.ok == report.connections.made)
            #expect(report.shares.refused == [:])
            #expect(service.shard(0) == neighbour && service.anchors.isEmpty)
        }

        @Test func turnedOffWhileItRunsItLetsGoOfWhatWasKept() throws {
            try write(keeps: true)
            let service = try start()
            let swarm = try service.startSwarm(
                [
                    "--miners", "100", "--rate", "100", "--seconds", "8", "--retry-pause", "0.2",
                ], reaching: 100)
            #expect(service.anchors.count == 2)
            let before = service.children("millrace-worker")
            try write(keeps: false)
            #expect(try service.verb("reload").code == 0)
            let isReplaced = eventually(within: 10) {
                Set(service.children("millrace-worker")).isDisjoint(with: before) && service.isReady(shard: 1)
            }
            #expect(isReplaced, "\(service.millrace.log)")
            #expect(eventually(within: 3) { service.anchors.isEmpty })
            let report = try swarm.finish()
            #expect(report.connections.lost == 100)
            #expect(report.logins.ok == 200)
        }
    }
}
