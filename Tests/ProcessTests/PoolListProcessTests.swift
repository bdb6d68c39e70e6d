import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// The operator changes the list of pools under load.
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct PoolListProcessTests {
        private let place: Scratch
        private let pools: [PracticePool]
        private var file: URL { place.file("config.json") }

        init() throws {
            let place = Scratch()
            self.place = place
            pools = try (0..<3).map { _ in
                try PracticePool(["--job-interval", "2", "--reply-delay", "50"], in: place)
            }
        }

        /// A line of the list: a pool that is there, that pool under another name, or one where nobody is.
        private enum Entry {
            case pool(Int)
            case renamed(Int)
            case nobody
        }

        private func write(_ list: [Entry]) throws {
            let lines = list.map { entry in
                switch entry {
                case .pool(let number): #"{"url": "127.0.0.1:\#(pools[number].port)", "user": "w"}"#
                case .renamed(let number): #"{"url": "127.0.0.1:\#(pools[number].port)", "user": "another"}"#
                case .nobody: #"{"url": "127.0.0.1:1", "user": "w"}"#
                }
            }
            let text = #"{"pools": [\#(lines.joined(separator: ","))], "retries": 1, "retry-pause": 1, "watch": false}"#
            try place.write(text, to: "config.json")
        }

        /// Puts the list into force; returns when both shards have been replaced.
        private func change(_ list: [Entry], _ service: Service) throws {
            let before = service.children("millrace-worker")
            try write(list)
            try #require(service.verb("reload").code == 0)
            let isDone = eventually(within: 15) {
                let now = service.children("millrace-worker")
                return now.count == 2 && Set(now).isDisjoint(with: before)
                    && (0..<2).allSatisfy { service.isReady(shard: $0) }
            }
            try #require(isDone, "\(service.millrace.log)")
        }

        private var accepted: [Int] { pools.map { $0.accepted ?? 0 } }

        /// Which pools have taken shares since the last time.
        private func busyPools(_ counts: inout [Int]) -> [Int] {
            let now = accepted
            defer { counts = now }
            return now.indices.filter { now[$0] > counts[$0] }
        }

        @Test func anyChangeOfTheListUnderLoadCostsNoConnectionAndNoShare() throws {
            try write([.pool(0)])
            let service = try Service(millrace: ["--config", file.path], namesPool: false)
            let swarm = try service.startSwarm(
                [
                    "--miners", "300", "--rate", "400", "--workers", "50", "--seconds", "36",
                ], reaching: 300)
            let changes: [(list: [Entry], works: Int)] = [
                ([.pool(0), .pool(1)], 0),  // one more
                ([.pool(1), .pool(0)], 1),  // another order
                ([.pool(2), .pool(1)], 2),  // the first replaced
                ([.pool(2)], 2),  // one less
                ([.pool(0), .pool(1)], 0),  // all replaced
                ([.nobody], 0),  // one that cannot be reached: the old one serves on
                ([.renamed(0), .nobody], 0),  // another login
            ]
            var counts = accepted
            for (list, works) in changes {
                try change(list, service)
                usleep(1_500_000)  // the pools write their reports twice a second
                _ = busyPools(&counts)
                usleep(1_200_000)
                #expect(busyPools(&counts) == [works], "after \(list)")
            }

            let report = try swarm.finish()
            let log = Comment(rawValue: service.millrace.log)
            #expect(report.connections.lost == 0, log)
            #expect(report.logins.ok == report.connections.made)
            #expect(report.shares.ok > 5_000)
            #expect(report.shares.lost == 0)
            #expect(report.shares.refused == [:], log)
            #expect(report.nonceConflicts == 0)
            let ok = report.shares.ok
            #expect(
                eventually(within: 5) { accepted.reduce(0, +) == ok },
                "pools \(accepted), miners \(ok)")
            #expect(pools.allSatisfy { $0.rejected?.isEmpty == true })
            #expect(eventually(within: 5) { service.accepted == ok }, "API \(service.accepted ?? -1), miners \(ok)")
            #expect(service.acceptedByWorkers == ok)
            // A pool that was left is hung up: only the last login at the first pool is still there.
            #expect(eventually(within: 10) { pools.map(\.connections) == [2, 0, 0] }, "\(pools.map(\.connections))")
        }
    }
}
