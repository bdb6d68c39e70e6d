internal import DaemonKit
internal import EventLoop
internal import Logging
internal import StratumProtocol
internal import StratumSession

/// What the shard has to tell, in log lines. No logins, no passwords: miners are named by address.
///
/// What miners or a pool can bring about at will is told a few times a second and then only counted: it must not fill
/// the disk.
struct NewsLog {
    private let log: Logger
    /// Seat by seat (`Shard.poolNames`).
    var pools: [String]
    private var outlook: PoolOutlook
    /// Shares that were refused because there was no pool, or because it was lost before it answered.
    private var refusedWithoutPool: UInt64 = 0
    private var logins = Throttle(perSecondMax: 5)
    private var jobs = Throttle(perSecondMax: 1)
    private var oddLines = Throttle(perSecondMax: 1)
    private var rejections = Throttle()
    private var dismissals = Throttle()
    private var shortages = Throttle(perSecondMax: 1)
    /// When the lack of descriptors was last told, in milliseconds since 1970; it lasts for hours or not at all.
    private var toldNoRoomAt: UInt64?
    private static let noRoomPause: UInt64 = 60_000

    /// - Parameters:
    ///   - pools: seat by seat.
    ///   - preferred: in the order of the configuration; nil = as `pools`.
    init(log: Logger, pools: [String], preferred: [String]? = nil) {
        self.log = log
        self.pools = pools
        outlook = PoolOutlook(pools: preferred ?? pools)
    }

    mutating func tell(_ news: ShardNews, at now: Instant = .never, miner: (MinerID) -> String?) {
        switch news {
        case .poolActive(let id):
            // The words are xmrig-proxy's: programs look for them.
            log.log(level: logins.mayTell() ? .info : .debug, "use pool \(name(id))", metadata: upstream(id))
            tell(outlook.active(name(id), at: now))
        case .poolFailed(let id, let failure, let isRepeated):
            let (reason, remedy) = NewsLog.words(for: failure)
            outlook.failed(name(id), reason)
            guard !isRepeated else { return }
            // A refused login is the operator's to mend; the rest passes by itself.
            let level: Logger.Level = if case .loginRefused = failure { .error } else { .warning }
            log.log(level: level, "\(name(id)): \(reason); \(remedy)", metadata: upstream(id))
        case .poolReservesNonceByte(let id):
            log.warning(
                """
                \(name(id)) keeps the first nonce byte for itself (a NiceHash-type pool or proxy): its jobs cannot be \
                split, so every miner gets a pool connection of its own
                """)
        case .jobsWithoutAlgorithm(let id):
            log.warning(
                """
                \(name(id)): its jobs name no algorithm and none is configured, so XMRig refuses them; set "algo" or \
                "coin" of this pool
                """)
        case .newJob(let upstream, let pool, let difficulty, let algorithm, let height, let miners):
            // The words are xmrig-proxy's: programs look for them.
            let level: Logger.Level = jobs.mayTell() ? .info : .debug
            guard level >= log.logLevel else { return }
            let name = algorithm.isEmpty ? "" : " algo \(algorithm.text)"
            let block = height > 0 ? " height \(height)" : ""
            log.log(
                level: level, "new job from \(pools[Int(pool)]) diff \(difficulty)\(name)\(block)",
                metadata: ["upstream": "\(upstream)", "miners": "\(miners)"])
        case .poolOddLine(let id, let fault):
            guard oddLines.mayTell() else { return }
            log.warning(
                "\(name(id)) sent \(fault.text); line ignored, \(Limits.oddLinesMax) a minute end the connection",
                metadata: upstream(id))
        case .redirected(let id, let target):
            log.notice("\(name(id)) redirects us to \(target.address): following", metadata: upstream(id))
        case .redirectRefused(let id, let target):
            guard oddLines.mayTell() else { return }
            log.warning(
                """
                \(name(id)) wants to redirect us to \(target.address), a host of another domain: ignored; change the \
                pool's url if that is right
                """, metadata: upstream(id))
        case .shareRejected(let id, let connection, let text, let difficulty):
            guard rejections.mayTell() else { return }
            log.notice(
                "\(name(connection)) rejected a share: \"\(text)\"",
                metadata: [
                    "upstream": "\(connection.upstream)", "difficulty": "\(difficulty)",
                    "ip": "\(miner(id) ?? "gone")",
                ])
        case .upstreamClosed(let upstream):
            log.debug("pool connection without miners closed", metadata: ["upstream": "\(upstream)"])
        case .outOfUpstreams:
            guard shortages.mayTell() else { return }
            log.error("no pool connection left for a miner: \(Limits.upstreamsMax) are open")
        }
    }

    /// Why a miner was sent away.
    mutating func closed(_ ip: @autoclosure () -> String?, _ reason: CloseReason) {
        let level: Logger.Level =
            switch reason {
            case .permissionDenied, .notNicehashCapable: dismissals.mayTell() ? .info : .debug
            case .loginTimeout, .idleTimeout, .fault, .outOfTurn, .noUpstream: .debug
            }
        guard level >= log.logLevel else { return }
        let metadata: Logger.Metadata = ["ip": "\(ip() ?? "?")"]
        switch reason {
        case .permissionDenied: log.log(level: level, "a miner gave a wrong access password", metadata: metadata)
        case .notNicehashCapable:
            log.log(level: level, "a miner ignores its nonce byte (is it NiceHash compatible?)", metadata: metadata)
        case .loginTimeout: log.debug("a connection without login was closed", metadata: metadata)
        case .idleTimeout: log.debug("a silent miner was closed", metadata: metadata)
        case .fault(let fault): log.debug("a miner sent \(fault.text)", metadata: metadata)
        case .outOfTurn: log.debug("a miner sent a request out of turn", metadata: metadata)
        case .noUpstream: log.debug("a miner found no room", metadata: metadata)
        }
    }

    /// A miner that did not read was dropped.
    func overflowed(_ ip: @autoclosure () -> String?) {
        guard log.logLevel <= .debug else { return }
        log.debug("a miner does not read: dropped", metadata: ["ip": "\(ip() ?? "?")"])
    }

    /// A miner was sent away because descriptors run out.
    mutating func noRoom(miners: Int, descriptors: UInt, at now: UInt64 = WallClock.milliseconds()) {
        if let told = toldNoRoomAt, now < told + NewsLog.noRoomPause { return }
        toldNoRoomAt = now
        log.error(
            """
            no room for another miner: \(miners) are connected, and this process may open \(descriptors) files (raise \
            LimitNOFILE or `ulimit -n`, or use more shards); those that are here go on
            """)
    }

    /// A share was settled.
    mutating func settled(_ share: SettledShare) {
        switch share.outcome {
        case .poolLost, .invalid(.badGateway): refusedWithoutPool += 1
        case .accepted, .rejected, .invalid, .local: break
        }
    }

    /// To be called once a second: tells of an outage of all pools.
    mutating func second(hasPool: Bool, waiting: @autoclosure () -> Int, at now: Instant) {
        tell(
            outlook.second(hasPool: hasPool, waiting: hasPool ? 0 : waiting(), refused: refusedWithoutPool, at: now))
    }

    private func tell(_ line: PoolOutlook.Line?) {
        if let line { log.log(level: line.level, "\(line.text)") }
    }

    /// To be called once a second: tells how much was not told, and begins anew.
    mutating func tellSilenced() {
        let rejected = rejections.begin()
        if rejected > 0 { log.notice("…and \(rejected) more rejected shares within a second") }
        let dismissed = dismissals.begin()
        if dismissed > 0 { log.info("…and \(dismissed) more miners sent away within a second") }
        _ = shortages.begin()
        _ = logins.begin()
        _ = jobs.begin()
        let odd = oddLines.begin()
        if odd > 0 { log.warning("…and \(odd) more such lines of pools within a second") }
    }

    /// So many of a kind are told between two beginnings.
    private struct Throttle {
        private let perSecondMax: Int
        private var count = 0

        init(perSecondMax: Int = 10) { self.perSecondMax = perSecondMax }

        mutating func mayTell() -> Bool {
            count += 1
            return count <= perSecondMax
        }

        /// - Returns: how many were not told since the last time.
        mutating func begin() -> Int {
            defer { count = 0 }
            return max(count - perSecondMax, 0)
        }
    }

    private func name(_ id: PoolConnectionID) -> String { pools[Int(id.pool)] }

    private func upstream(_ id: PoolConnectionID) -> Logger.Metadata { ["upstream": "\(id.upstream)"] }

    /// Why a pool failed, and what is done or should be.
    private static func words(for failure: PoolFailure) -> (reason: String, remedy: String) {
        switch failure {
        case .connection(let text): (text, "trying again")
        case .connectTimeout: ("no connection within \(Limits.poolConnect.count / 1_000) s", "trying again")
        case .noAnswer: ("no answer within \(Limits.poolAnswer.count / 1_000) s", "connecting again")
        case .loginRefused(let text): ("login refused: \"\(text)\"", "check user and pass, trying again")
        case .fault(let fault): ("it sent \(fault.text)", "connecting again")
        case .sessionLost(let text): ("the pool does not know our session any more (\"\(text)\")", "logging in again")
        case .banned(let text, let pause):
            ("the pool has banned us (\"\(text)\")", "next attempt in \((pause.count + 999) / 1_000) s")
        case .redirectedTooOften:
            ("redirected \(Limits.redirectsMax) times in a row", "connecting to its own address again")
        }
    }
}
