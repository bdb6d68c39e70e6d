import Logging
import StratumProtocol
import StratumSession
import Synchronization
import Testing

@testable import StratumWorker

/// Collects log lines.
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

    private func makeLog(_ level: Logger.Level = .info) -> OperatorLog {
        OperatorLog(log: lines.logger(level), pools: ["a:1", "b:2"])
    }

    @Test func eachLoginAtAPoolIsToldButNotThousandsInASecond() {
        var news = makeLog()
        news.tell(.poolActive(first)) { _ in nil }
        news.tell(.poolActive(other)) { _ in nil }
        #expect(lines.all == ["use pool a:1 upstream=0", "use pool a:1 upstream=1"])
        for _ in 0..<1_000 { news.tell(.poolActive(other)) { _ in nil } }
        #expect(lines.all.count == 5)
    }

    @Test func jobsWithoutAlgorithmAreAWarningWithTheFix() {
        var news = makeLog()
        news.tell(.jobsWithoutAlgorithm(first)) { _ in nil }
        #expect(
            lines.texts(.warning) == [
                #"a:1: its jobs name no algorithm and none is configured, so XMRig refuses them; "#
                    + #"set "algo" or "coin" of this pool"#
            ])
    }

    @Test(arguments: [
        (PoolFailure.connection("connection refused"), "a:1: connection refused; trying again upstream=0"),
        (
            .rejectsShares(3),
            "a:1: it rejects every share, 3 in a row; using another pool, trying it again later upstream=0"
        ),
        (
            .sessionLost("Unauthenticated"),
            "a:1: the pool no longer knows this session (\"Unauthenticated\"); logging in again upstream=0"
        ),
        (
            .banned("Your IP is banned", pause: Milliseconds(14_001)),
            "a:1: the pool has banned this proxy (\"Your IP is banned\"); next attempt in 15 s upstream=0"
        ),
    ])
    func failuresNameTheReasonAndWhatIsDone(failure: PoolFailure, line: String) {
        var news = makeLog()
        news.tell(.poolFailed(first, failure, isRepeated: false)) { _ in nil }
        #expect(lines.texts(.warning) == [line])
        news.tell(.poolFailed(first, failure, isRepeated: true)) { _ in nil }
        #expect(lines.all.count == 1)
    }

    @Test func aRefusedLoginIsForThePersonWhoWroteTheConfiguration() {
        var news = makeLog()
        news.tell(.poolFailed(first, .loginRefused("Invalid address used for login"), isRepeated: false)) { _ in nil }
        #expect(
            lines.texts(.error) == [
                "a:1: login refused: \"Invalid address used for login\"; check user and pass, trying again upstream=0"
            ])
    }

    @Test func aChangeOfPoolsAndAnOutageAreTold() {
        var news = makeLog()
        news.tell(.poolActive(first)) { _ in nil }
        news.tell(.poolFailed(first, .noAnswer, isRepeated: false)) { _ in nil }
        let other = PoolConnectionID(upstream: 0, pool: 1, generation: 3)
        news.tell(.poolActive(other)) { _ in nil }
        #expect(lines.texts(.notice) == ["now mining at b:2 (a:1: no answer within 20 s, 1 try)"])
        news.tell(.poolFailed(other, .connection("connection refused"), isRepeated: true)) { _ in nil }
        news.second(hasPool: false, waiting: 2, at: Instant(microseconds: 5_000_000))
        news.second(hasPool: false, waiting: 2, at: Instant(microseconds: 8_000_000))
        #expect(
            lines.texts(.error) == [
                "no pool for 3 s: 2 miners waiting, 0 shares refused since; a:1: no answer within 20 s, 1 try; "
                    + "b:2: connection refused, 1 try"
            ])
    }

    @Test func oddLinesOfAPoolAreToldOnceASecondAndCounted() {
        var news = makeLog()
        for _ in 0..<20 { news.tell(.poolOddLine(first, .invalidJSON)) { _ in nil } }
        news.tellSilenced()
        #expect(lines.texts(.warning).count == 2)
        #expect(lines.all.last == "…and 19 more such lines of pools within a second")
    }

    @Test func redirectsAreTold() {
        var news = makeLog()
        news.tell(.redirected(first, PoolRedirect(host: "b.example", port: 2))) { _ in nil }
        news.tell(.redirectRefused(first, PoolRedirect(host: "evil.example", port: 2))) { _ in nil }
        #expect(lines.texts(.notice) == ["a:1 redirects to b.example:2: following upstream=0"])
        #expect(lines.texts(.warning).count == 1)
    }

    @Test func rejectedSharesAreToldTenASecondAndThenCounted() {
        var news = makeLog()
        let rejected = ShardNotice.shareRejected(
            miner, first, text: "stale", difficulty: 1_000, latencyMicroseconds: 45_678)
        for _ in 0..<25 {
            news.tell(rejected, miner: { _ in "10.0.0.1" }, worker: { _ in "rack7" })
        }
        #expect(lines.texts(.notice).count == 10)
        #expect(
            lines.all[0]
                == "a:1 rejected a share: \"stale\" difficulty=1000 ip=10.0.0.1 ms=45 upstream=0 worker=rack7")
        news.tellSilenced()
        #expect(lines.all.last == "…and 15 more rejected shares within a second")
        news.tell(rejected) { _ in nil }
        #expect(lines.all.last == "a:1 rejected a share: \"stale\" difficulty=1000 ip=gone ms=45 upstream=0")
        news.tellSilenced()
        #expect(lines.all.count == 12)
    }

    @Test func theLackOfRoomIsToldOnceAMinute() {
        var news = makeLog()
        for second in 0..<120 { news.noRoom(miners: 900, descriptors: 1_024, at: 5_000_000 + UInt64(second) * 1_000) }
        #expect(lines.texts(.error).count == 2)
        #expect(lines.all[0].contains("900 miners connected"))
    }

    @Test func theLackOfUpstreamsIsToldOnceASecond() {
        var news = makeLog()
        for _ in 0..<50 { news.tell(.outOfUpstreams) { _ in nil } }
        news.tellSilenced()
        news.tell(.outOfUpstreams) { _ in nil }
        #expect(lines.all.count == 2)
    }

    @Test func aNewJobIsToldOnceASecondAndForEachUpstreamToThoseWhoAsk() {
        let algorithm = AlgorithmName("rx/0") ?? AlgorithmName()
        let job = ShardNotice.newJob(
            upstream: 0, pool: 1, difficulty: 5, algorithm: algorithm, height: 7, miners: 3)
        var news = makeLog()
        for _ in 0..<40 { news.tell(job) { _ in nil } }
        #expect(lines.all == ["new job from b:2 diff 5 algo rx/0 height 7 miners=3 upstream=0"])
        news = makeLog(.debug)
        for _ in 0..<40 { news.tell(job) { _ in nil } }
        #expect(lines.texts(.debug).count == 39)
    }

    @Test func aJobWithoutAlgorithmOrHeightHasAShorterLine() {
        var news = makeLog()
        let job = ShardNotice.newJob(
            upstream: 2, pool: 0, difficulty: 5, algorithm: AlgorithmName(), height: 0, miners: 1)
        news.tell(job) { _ in nil }
        #expect(lines.all == ["new job from a:1 diff 5 miners=1 upstream=2"])
    }
}
