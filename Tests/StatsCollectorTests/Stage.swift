import Foundation
import Glibc
import TestSupport

@testable import Continuity
@testable import DaemonKit
@testable import EventBus
@testable import EventLoop
@testable import StatsCollector
@testable import Telemetry

/// A run directory, a loop with a collector in it, and the supervisor's end of its lifeline.
final class Stage {
    let loop: Loop
    private let scratch = Scratch()
    let bus: BusContext
    private let gateway: SnapshotSubscriber
    private let shards: Int
    private var lifeline: SocketPair?
    private var collector: Collector?

    var directory: String { scratch.path }
    var database: String { directory + "/statistics.sqlite" }

    init(shards: Int) throws {
        loop = try Loop()
        bus = try BusContext()
        gateway = try SnapshotSubscriber(bus, runDirectory: scratch.path)
        self.shards = shards
        try startCollector()
    }

    deinit {
        cutLifeline()
        loop.run()
    }

    func startCollector() throws {
        let lifeline = try SocketPair()
        _ = fcntl(lifeline.ours, F_SETFL, O_NONBLOCK)
        self.lifeline = lifeline
        let collector = try Collector(
            on: loop, lifeline: Lifeline(descriptor: lifeline.takeTheirs()), runDirectory: directory,
            shardCount: shards,
            serviceStartedAt: 1_000, options: Persistence.Options(path: database))
        try collector.start()
        self.collector = collector
    }

    func stopCollector() {
        cutLifeline()
        loop.run()
        collector = nil
    }

    func restartCollector() throws {
        stopCollector()
        try startCollector()
    }

    func cutLifeline() { lifeline = nil }

    func heardOnLifeline() -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(lifeline?.ours ?? -1, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : ""
    }

    func publisher(_ shard: UInt16) throws -> EventPublisher {
        try EventPublisher(bus, runDirectory: directory, source: .shard(shard), epoch: .random())
    }

    func share(_ miner: MinerKey) -> ShareSettled {
        ShareSettled(
            miner: miner, time: WallClock.milliseconds(), outcome: .accepted, difficulty: 1_000,
            creditedDifficulty: 1_000, actualDifficulty: 2_000, latencyMicroseconds: 5_000)
    }

    /// The first snapshot that satisfies `wanted`, while the shards do what shards do.
    func snapshot(
        _ publishers: [EventPublisher], also: () -> Void = {}, where wanted: (Snapshot) -> Bool
    ) throws -> Snapshot? {
        let deadline = milliseconds() + 30_000
        // What a collector before this one has said says nothing about this one.
        while case .snapshot = gateway.wait(orDescriptor: -1, timeoutMilliseconds: 0) {}
        // Keeps the loop from sleeping until its next tick.
        let pacer = Timer(on: loop) {
            for publisher in publishers {
                publisher.record(Checkpoint())
                publisher.flush()
                publisher.serveRequests { [] }
            }
        }
        pacer.start(after: 0, repeating: 20)
        defer { pacer.close() }
        while milliseconds() < deadline {
            loop.runOnce()
            also()
            let arrival = gateway.wait(orDescriptor: -1, timeoutMilliseconds: 0)
            guard case .snapshot(let snapshot) = arrival else { continue }
            if wanted(snapshot) { return snapshot }
        }
        return nil
    }

    func milliseconds() -> UInt64 { loop.nanoseconds / 1_000_000 }
}
