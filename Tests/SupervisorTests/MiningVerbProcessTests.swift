import EventBus
import Foundation
import Glibc
import Synchronization
import Telemetry
import TestSupport
import Testing

/// The verbs that read the collector's snapshot, with a stand-in that publishes one.
@Suite(.serialized) struct MiningVerbProcessTests {
    /// Publishes a snapshot once a second, as the collector does.
    private final class Collector: Sendable {
        private let isOver = Mutex(false)

        init(in directory: String, _ snapshot: Snapshot) throws {
            Thread.detachNewThread { [self] in
                guard let bus = try? BusContext(),
                    let publisher = try? SnapshotPublisher(bus, runDirectory: directory)
                else { return }
                var snapshot = snapshot
                for round in 0..<6_000 where !isOver.withLock({ $0 }) {
                    snapshot.sequence += 1
                    round % 100 == 0 ? publisher.publish(snapshot) : publisher.greetSubscribers()
                    usleep(10_000)
                }
                publisher.close()
                bus.finish()
            }
        }

        func stop() { isOver.withLock { $0 = true } }
    }

    private var snapshot: Snapshot {
        var snapshot = Snapshot()
        snapshot.time = 1_790_000_000_000
        snapshot.minersNow = 1
        snapshot.minersWaiting = 4
        snapshot.pools = ["pool.example:3333"]
        var gauge = UpstreamGauge(id: 0, state: .active)
        gauge.miners = 1
        snapshot.openUpstreams = [.init(shard: 0, gauge: gauge)]
        var rack = Snapshot.WorkerRow(name: "rack7", ip: "192.0.2.7")
        rack.connections = 1
        snapshot.workers = [rack, Snapshot.WorkerRow(name: "gone", ip: "192.0.2.8")]
        return snapshot
    }

    @Test func statusAndWorkersReadTheCollectorThemselves() throws {
        let service = try SupervisedService.running()
        let place = ["--run-dir", service.runDirectory]

        // Without a snapshot the rest of the status is shown.
        let early = try service.command(["status"] + place)
        #expect(early.code == 0 && early.output.contains("shard 1"))
        #expect(
            early.output.contains("hashrate, miners and pools are not available: the collector has not started yet"))
        let nothing = try service.command(["workers"] + place)
        #expect(nothing.code == 1 && nothing.complaints.contains("workers are not available"))

        let collector = try Collector(in: service.runDirectory, snapshot)
        service.wait { access($0.runDirectory + "/snapshots", F_OK) == 0 }
        let status = try service.command(["status"] + place)
        #expect(status.output.contains("miners: 1 (+4 waiting for a job), max 0"), "\(status)")
        #expect(status.output.contains("pool.example:3333  in use"), "\(status)")
        let json = try service.command(["status", "--json"] + place)
        #expect(json.output.contains(#""mining":{"#) && json.output.contains(#""children":["#), "\(json)")
        let all = try service.command(["workers", "--sort", "hashrate"] + place)
        #expect(all.code == 0 && all.output.contains("rack7") && all.output.contains("2 workers, 1 offline"), "\(all)")
        let offline = try service.command(["workers", "--offline", "--json"] + place)
        let rows = try JSONSerialization.jsonObject(with: Data(offline.output.utf8)) as? [[String: Any]]
        #expect(rows?.map { $0["name"] as? String } == ["gone"], "\(offline)")
        #expect(try service.command(["workers", "--sort", "size"] + place).code == 64)

        collector.stop()
        #expect(service.stop() == 0)
        #expect(try service.command(["workers"] + place).code == 3)
    }

    /// The stand-ins have no pool.
    @Test func aServiceWithoutAPoolServesAndIsNotReady() throws {
        let service = try SupervisedService.runningFromFile()
        let words = ["healthcheck", "--ready", "--config", service.file.path, "--run-dir", service.runDirectory]
        let answer = try service.command(words)
        #expect(answer.code == 1)
        #expect(answer.complaints.contains("not ready: missing: a session with a pool"), "\(answer)")
        #expect(service.stop() == 0)
        let gone = try service.command(words)
        #expect(gone.code == 1 && gone.complaints.contains("not ready: no service answers"), "\(gone)")
    }
}
