import ApiFixtures
import EventBus
import Foundation
import Telemetry
import TestSupport

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// The collector's end of the second hop: publishes what a test tells it to, and answers for what was missed.
final class CollectorSide: @unchecked Sendable {
    private let scratch = Scratch()
    var runDirectory: String { scratch.path }
    private let lock = NSLock()
    private let context: BusContext
    private let publisher: EventPublisher
    private var miners: [MinerKey: MinerJoined] = [:]
    private var isOver = false
    private let end = DispatchSemaphore(value: 0)

    init(logBytesMax: Int = EventLog.bytesMaxDefault) throws {
        context = try BusContext()
        publisher = try EventPublisher(
            context, runDirectory: scratch.path, source: .collector, epoch: .random(), logBytesMax: logBytesMax)
        Thread.detachNewThread { [self] in
            while serve() { usleep(2_000) }
            end.signal()
        }
    }

    /// Runs it for the length of `body`.
    static func run(logBytesMax: Int = EventLog.bytesMaxDefault, _ body: (CollectorSide) throws -> Void) throws {
        let collector = try CollectorSide(logBytesMax: logBytesMax)
        defer {
            collector.lock.withLock { collector.isOver = true }
            collector.end.wait()
        }
        try body(collector)
    }

    private func serve() -> Bool {
        lock.withLock {
            publisher.flush()
            publisher.serveRequests { miners.values.sorted { $0.key < $1.key } }
            return !isOver
        }
    }

    /// The number of the next event.
    var next: Int { lock.withLock { Int(publisher.nextSequence) } }

    func join(_ miner: MinerJoined) {
        lock.withLock {
            miners[miner.key] = miner
            publisher.record(miner)
        }
    }

    func leave(_ key: MinerKey) {
        lock.withLock {
            miners[key] = nil
            publisher.record(MinerLeft(key: key))
        }
    }

    func shares(_ count: Int, of miner: MinerKey = 1) {
        lock.withLock { for _ in 0..<count { publisher.record(Stream.share(miner)) } }
    }

    func gauge(_ gauges: MinerGauge...) {
        lock.withLock {
            publisher.publish(ShardGauges(shard: 0, epoch: .unknown, time: 0, miners: gauges))
        }
    }
}
