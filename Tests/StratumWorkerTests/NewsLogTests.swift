import Logging
import StratumProtocol
import StratumSession
import Synchronization
import Testing

@testable import StratumWorker

/// Keeps what was logged.
final class Lines: Sendable {
    private let kept = Mutex<[(level: Logger.Level, text: String)]>([])

    var all: [String] { kept.withLock { $0.map(\.text) } }
    func texts(_ level: Logger.Level) -> [String] { kept.withLock { $0.filter { $0.level == level }.map(\.text) } }

    func logger(_ level: Logger.Level = .info) -> Logger {
        Logger(label: "test") { _ in Handler(lines: self, logLevel: level) }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel: Logger.Level
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let pairs = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
            lines.kept.withLock { $0.append((event.level, event.message.description + pairs.joined())) }
        }
    }
}

@Suite struct NewsLogTests {
    private let lines = Lines()
    private let first = PoolConnectionID(upstream: 0, pool: 0, generation: 1)
    private let other = PoolConnectionID(upstream: 1, pool: 0, generation: 2)
    private let miner = MinerID(index: 3, generation: 0)

    private func makeLog(_ level: Logger.Level = .info) -> NewsLog {
        NewsLog(log: lines.logger(level), pools: ["a:1", "b:2"])
    }

    @Test func aPoolThatWorksIsToldOnceAndNotForEachUpstream() {
        var news = makeLog()
        news.tell(.poolActive(first)) { _ in nil }
        news.tell(.poolActive(other)) { _ in nil }
        #expect(lines.all == ["a:1: logged in, job received upstream=0"])
    }

    @Test func aPoolThatIsBackIsNewsAgain() {
        var news = makeLog()
        news.tell(.poolActive(first)) { _ in nil }
        news.tell(.poolFailed(first, .connection("connection refused"))) { _ in nil }
        news.tell(.poolActive(first)) { _ in nil }
        #expect(lines.texts(.info).count == 2)
        #expect(lines.texts(.warning) == ["a:1: connection refused; trying again upstream=0"])
    }

    @Test func rejectedSharesAreToldTenASecondAndThenCounted() {
        var news = makeLog()
        for _ in 0..<25 {
            news.tell(.shareRejected(miner, first, text: "stale", difficulty: 1_000)) { _ in "10.0.0.1" }
        }
        #expect(lines.texts(.notice).count == 10)
        #expect(lines.all[0] == "a:1 rejected a share: \"stale\" difficulty=1000 ip=10.0.0.1 upstream=0")
        news.tellSilenced()
        #expect(lines.all.last == "…and 15 more rejected shares within a second")
        news.tell(.shareRejected(miner, first, text: "stale", difficulty: 1_000)) { _ in nil }
        #expect(lines.all.last?.contains("ip=gone") == true)
        news.tellSilenced()
        #expect(lines.all.count == 12)
    }

    @Test func theLackOfRoomIsToldOnceAMinute() {
        var news = makeLog()
        for second in 0..<120 { news.noRoom(miners: 900, descriptors: 1_024, at: 5_000_000 + UInt64(second) * 1_000) }
        #expect(lines.texts(.error).count == 2)
        #expect(lines.all[0].contains("900 are connected"))
    }

    @Test func theLackOfUpstreamsIsToldOnceASecond() {
        var news = makeLog()
        for _ in 0..<50 { news.tell(.outOfUpstreams) { _ in nil } }
        news.tellSilenced()
        news.tell(.outOfUpstreams) { _ in nil }
        #expect(lines.all.count == 2)
    }

    @Test func jobsAreForThoseWhoAskForDetails() {
        let job = ShardNews.newJob(upstream: 0, pool: 1, difficulty: 5, height: 7, miners: 3)
        var news = makeLog()
        news.tell(job) { _ in nil }
        #expect(lines.all.isEmpty)
        news = makeLog(.debug)
        news.tell(job) { _ in nil }
        #expect(lines.all == ["b:2: new job difficulty=5 height=7 miners=3 upstream=0"])
    }
}
