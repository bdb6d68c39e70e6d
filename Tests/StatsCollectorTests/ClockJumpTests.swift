import Foundation
import Glibc
import Logging
import TestSupport
import Testing

@testable import Archive
@testable import StatsCollector
@testable import Telemetry

/// The clock runs ahead for a moment, and the file still has everything.
@Suite struct ClockJumpTests {
    private static let start: UInt64 = 1_790_000_000_000
    private static let day: UInt64 = 86_400_000

    /// A collector's `Persistence` with both clocks in the test's hands.
    private final class Desk {
        private let scratch = Scratch()
        private(set) var path: String
        var statistics = Statistics(startedAt: start, shardCount: 1)
        private(set) var persistence: Persistence
        private let epoch = Epoch(high: 1, low: 1)
        private var monotonic: UInt64 = 1_000

        init() {
            path = scratch.path + "/statistics.sqlite"
            persistence = Desk.begin(path, &statistics, at: .init(time: start, monotonic: 1_000))
            hear([.epochBegan(epoch)], ahead: 0)
        }

        private static func begin(
            _ path: String, _ statistics: inout Statistics, at now: Statistics.Moment
        ) -> Persistence {
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            return Persistence(
                Persistence.Options(path: path, historyDays: 30, forgetWorkersDays: 7), &statistics, shardCount: 1,
                at: now,
                logger: log)
        }

        /// The collector is killed, and its successor begins with what has reached the disk.
        func restart(ahead: UInt64) throws {
            usleep(100_000)
            let former = path
            path += "+"
            for companion in ["", "-wal"] where FileManager.default.fileExists(atPath: former + companion) {
                try FileManager.default.copyItem(atPath: former + companion, toPath: path + companion)
            }
            statistics = Statistics(startedAt: start, shardCount: 1)
            persistence = Desk.begin(path, &statistics, at: now(ahead: ahead))
        }

        /// - Parameter ahead: by how much the time of day is.
        func now(ahead: UInt64) -> Statistics.Moment {
            .init(time: start + monotonic - 1_000 + ahead, monotonic: monotonic)
        }

        private func hear(_ news: [SequenceGate.Delivery], ahead: UInt64) {
            statistics.hear(news, from: 0, at: now(ahead: ahead))
            persistence.heardNews(at: monotonic)
        }

        func mine(_ miner: MinerKey, _ name: String, ahead: UInt64 = 0) {
            let share = ShareSettled(
                miner: miner, time: now(ahead: ahead).time, outcome: .accepted, difficulty: 1_000,
                creditedDifficulty: 1_000, actualDifficulty: 2_000, latencyMicroseconds: 5_000)
            let joined = MinerJoined(key: miner, worker: name, ip: "192.0.2.1", agent: "")
            hear(
                [.events(epoch, [.joined(joined), .share(share), .left(MinerLeft(key: miner))][...])], ahead: ahead)
        }

        /// Minutes of the monotonic clock, in which the disk has its time.
        func pass(minutes: Int, ahead: UInt64 = 0) {
            for _ in 0..<minutes {
                monotonic += 60_000
                for _ in 0..<3 {
                    persistence.turn(&statistics, positions: [nil], at: now(ahead: ahead)) { _ in }
                    usleep(2_000)
                }
            }
        }

        func end() {
            persistence.end(&statistics, positions: [nil], now: { self.now(ahead: 0) }, acknowledge: { _ in })
        }
    }

    private func shares(_ path: String) throws -> UInt64 {
        let points = try HistoryReader(path: path).points(
            of: .total, from: Self.start / 1_000 - 86_400, to: Self.start / 1_000 + 100 * 86_400, step: 86_400)
        return points.reduce(0) { $0 + $1.accepted }
    }

    @Test(arguments: [40, 400] as [UInt64])
    func aClockThatRunsAheadForAWhileDeletesNothing(days: UInt64) throws {
        let desk = Desk()
        desk.mine(1, "before")
        desk.pass(minutes: 5)
        desk.mine(2, "just before")
        // Forgetting and thinning both fall into it.
        desk.pass(minutes: 30, ahead: days * Self.day)
        desk.mine(3, "meanwhile", ahead: days * Self.day)
        desk.pass(minutes: 2, ahead: days * Self.day)
        desk.pass(minutes: 30)
        desk.mine(4, "after")
        desk.pass(minutes: 2)
        let names = desk.statistics.snapshot(at: desk.now(ahead: 0)).workers.map(\.name)
        #expect(names == ["before", "just before", "meanwhile", "after"])
        desk.end()
        // The one of meanwhile lies where the clock was.
        #expect(try shares(desk.path) == (days < 100 ? 4 : 3))
    }

    /// - Parameter after: how wrong it is when the successor begins.
    @Test(arguments: [40, 400] as [UInt64], [40, 400, 0] as [UInt64])
    func aCollectorThatIsKilledMeanwhileDeletesNothingEither(days: UInt64, after: UInt64) throws {
        let desk = Desk()
        desk.mine(1, "before")
        desk.pass(minutes: 5)
        desk.mine(2, "meanwhile", ahead: days * Self.day)
        desk.pass(minutes: 12, ahead: days * Self.day)
        for number in 3...4 as ClosedRange<MinerKey> {
            try desk.restart(ahead: after * Self.day)
            desk.mine(number, "meanwhile", ahead: after * Self.day)
            desk.pass(minutes: 12, ahead: after * Self.day)
        }
        try desk.restart(ahead: 0)
        desk.pass(minutes: 30)
        let names = desk.statistics.snapshot(at: desk.now(ahead: 0)).workers.map(\.name)
        #expect(names == ["before", "meanwhile"])
        desk.end()
        // Each lies where the clock was.
        #expect(try shares(desk.path) == 1 + (days < 100 ? 1 : 0) + (after < 100 ? 2 : 0))
    }

    @Test func aWorkerWithoutAnAcceptedShareIsForgottenAfterAnHour() throws {
        let desk = Desk()
        desk.mine(1, "proven")
        let joined = MinerJoined(key: 2, worker: "invented", ip: "192.0.2.1", agent: "")
        let events: [ShardEvent] = [.joined(joined), .left(MinerLeft(key: 2))]
        desk.statistics.hear([.events(Epoch(high: 1, low: 1), events[...])], from: 0, at: desk.now(ahead: 0))
        desk.pass(minutes: 55)
        #expect(desk.statistics.snapshot(at: desk.now(ahead: 0)).workers.count == 2)
        desk.pass(minutes: 20)
        #expect(desk.statistics.snapshot(at: desk.now(ahead: 0)).workers.map(\.name) == ["proven"])
        desk.end()
    }
}
