internal import DaemonKit
internal import EventLoop
internal import Logging
internal import StratumProtocol
internal import StratumSession

/// The log lines of a shard. They contain no logins and no passwords; miners are named by address.
///
/// Lines that miners or a pool can cause at will are limited per second; further ones are only counted, so that they
/// cannot fill the disk.
struct OperatorLog {
    let log: Logger
    /// Whether lines for `--verbose` are written.
    let tellsDetails: Bool
    /// By seat (`Shard.poolNames`).
    var pools: [String]
    private(set) var outlook: PoolOutlook
    /// Shares refused because there was no pool, or because the pool was lost before it answered.
    var refusedWithoutPool: UInt64 = 0
    private var logins = Throttle(perSecondMax: 5)
    private var jobs = Throttle(perSecondMax: 1)
    private var oddLines = Throttle(perSecondMax: 1)
    private var rejections = Throttle()
    var dismissals = Throttle()
    var acceptances = Throttle()
    var arrivals = Throttle()
    var quarantines = Throttle(perSecondMax: 1)
    var departures = Throttle()
    private var shortages = Throttle(perSecondMax: 1)
    /// Conditions that may last for hours are logged once a minute.
    private var noRoomHint = MinuteThrottle()
    private var dismissedHint = MinuteThrottle()
    private var dismissedCount = 0
    var tlsHint = MinuteThrottle()
    var proxyHint = MinuteThrottle()
    var badHeaderHint = MinuteThrottle()
    /// Connections of balancers closed for their PROXY header, not logged yet.
    var badHeaderCount = 0
    var memoryHint = MinuteThrottle()
    /// Connections closed because their buffers were the largest, not logged yet.
    var memoryCount = 0
    /// Shares that a pool accepted, and shares that a pool or this shard refused, since this process started.
    var acceptedTotal = 0
    var refusedTotal = 0
    var refused = RefusedShares()
    var refusedAddresses = RefusedAddresses()
    var bans = Throttle(perSecondMax: 1)

    /// - Parameters:
    ///   - pools: by seat.
    ///   - preferred: in the order of the configuration; nil when it is that of `pools`.
    init(log: Logger, pools: [String], preferred: [String]? = nil) {
        self.log = log
        tellsDetails = log.logLevel <= .debug
        self.pools = pools
        outlook = PoolOutlook(pools: preferred ?? pools)
    }

    /// - Parameters:
    ///   - miner: the address of a miner; nil when it has disconnected.
    ///   - worker: its name for the log (`MinerNaming.logName`).
    mutating func tell(
        _ news: ShardNotice, at now: Instant = .never, miner: (MinerID) -> String?,
        worker: (MinerID) -> String? = { _ in nil }
    ) {
        switch news {
        case .poolActive(let id):
            // The wording of xmrig-proxy, which programs search for.
            log.log(level: logins.mayTell() ? .info : .debug, "use pool \(name(id))", metadata: upstream(id))
            tell(outlook.active(name(id), at: now))
        case .poolFailed(let id, let failure, let isRepeated):
            let (reason, remedy) = OperatorLog.words(for: failure)
            outlook.failed(name(id), reason)
            guard !isRepeated else { return }
            // Only the operator can fix a refused login. Other failures can pass on their own.
            let level: Logger.Level = if case .loginRefused = failure { .error } else { .warning }
            log.log(level: level, "\(name(id)): \(reason); \(remedy)", metadata: upstream(id))
        case .poolReservesNonceByte(let id):
            log.warning(
                """
                \(name(id)) reserves the first nonce byte (a NiceHash-type pool or proxy): its jobs cannot be split, \
                so each miner gets its own pool connection
                """)
        case .jobsWithoutAlgorithm(let id):
            log.warning(
                """
                \(name(id)): its jobs name no algorithm and none is configured, so XMRig refuses them; set "algo" or \
                "coin" of this pool
                """)
        case .newJob(let upstream, let pool, let difficulty, let algorithm, let height, let miners):
            // The wording of xmrig-proxy, which programs search for.
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
                "\(name(id)) sent \(fault.text); line ignored (\(Limits.oddLinesMax) a minute close the connection)",
                metadata: upstream(id))
        case .redirected(let id, let target):
            log.notice("\(name(id)) redirects to \(target.address): following", metadata: upstream(id))
        case .redirectRefused(let id, let target):
            guard oddLines.mayTell() else { return }
            log.warning(
                """
                \(name(id)) redirects to \(target.address), a host of another domain: ignored; if this is intended, \
                change the pool's url
                """, metadata: upstream(id))
        case .shareUnauthenticated(let id):
            unauthenticated(id, ip: miner(id), worker: worker(id))
        case .shareRejected(let id, let connection, let text, let difficulty, let latency):
            guard rejections.mayTell() else { return }
            var details: Logger.Metadata = [
                "upstream": "\(connection.upstream)", "difficulty": "\(difficulty)", "ip": "\(miner(id) ?? "gone")",
                "ms": "\(latency / 1_000)",
            ]
            details["worker"] = worker(id).map { "\($0)" }
            log.notice("\(name(connection)) rejected a share: \"\(text)\"", metadata: details)
        case .upstreamClosed(let upstream):
            log.debug("closed a pool connection without miners", metadata: ["upstream": "\(upstream)"])
        case .outOfUpstreams:
            guard shortages.mayTell() else { return }
            log.error(
                "no pool connection available for a miner: \(Limits.upstreamsMax) are open (the limit); use more shards"
            )
        case .quarantined, .addressQuarantined, .quarantineLifted, .poolGuarded, .poolGuardEnded, .poolRejects:
            tellConduct(news, miner: miner, worker: worker)
        }
    }

    /// A miner that did not read was disconnected.
    mutating func overflowed(_ ip: @autoclosure () -> String?) {
        guard dismissals.mayTell() else { return }
        log.info("disconnected a miner: it does not read what it is sent", metadata: ["ip": "\(ip() ?? "?")"])
    }

    /// A connection without login was closed, because there were too many of them or no room for a miner.
    mutating func dismissed(_ ip: @autoclosure () -> String?, at now: UInt64 = WallClock.milliseconds()) {
        dismissedCount += 1
        guard dismissedHint.isDue(at: now) else { return }
        log.warning(
            """
            closed \(counted(dismissedCount, "connection")) without a login to make room for miners: too many such \
            connections
            """, metadata: ["ip": "\(ip() ?? "?")"])
        dismissedCount = 0
    }

    /// A miner was refused because descriptors are running out.
    mutating func noRoom(miners: Int, descriptors: UInt, at now: UInt64 = WallClock.milliseconds()) {
        guard noRoomHint.isDue(at: now) else { return }
        log.error(
            """
            cannot accept another miner: \(counted(miners, "miner")) connected, limit of open files \(descriptors); \
            raise LimitNOFILE or ulimit -n, or use more shards (connected miners are not affected)
            """)
    }

    /// Called once a second. Logs an outage of all pools.
    mutating func second(hasPool: Bool, waiting: @autoclosure () -> Int, at now: Instant) {
        tell(
            outlook.second(hasPool: hasPool, waiting: hasPool ? 0 : waiting(), refused: refusedWithoutPool, at: now))
    }

    private func tell(_ line: PoolOutlook.Line?) {
        if let line { log.log(level: line.level, "\(line.text)") }
    }

    /// Called once a second. Logs the number of suppressed lines, and resets the limits.
    mutating func tellSilenced(address: (MinerID) -> String? = { _ in nil }) {
        let rejected = rejections.begin()
        if rejected > 0 { log.notice("…and \(counted(rejected, "more rejected share")) within a second") }
        let dismissed = dismissals.begin()
        if dismissed > 0 { log.info("…and \(counted(dismissed, "more closed connection")) within a second") }
        let accepted = acceptances.begin()
        if accepted > 0 { log.debug("…and \(counted(accepted, "more accepted share")) within a second") }
        let arrived = arrivals.begin()
        if arrived > 0 { log.info("…and \(counted(arrived, "more login")) of miners within a second") }
        let departed = departures.begin()
        if departed > 0 { log.info("…and \(counted(departed, "more departure")) of miners within a second") }
        let quarantined = quarantines.begin()
        if quarantined > 0 { log.warning("…and \(counted(quarantined, "more quarantine")) within a second") }
        _ = shortages.begin()
        _ = bans.begin()
        _ = logins.begin()
        _ = jobs.begin()
        let odd = oddLines.begin()
        if odd > 0 { log.warning("…and \(counted(odd, "more such line")) of pools within a second") }
        tellRefusedShares(address: address)
    }

    /// Passes one line a minute.
    struct MinuteThrottle {
        private static let pause: UInt64 = 60_000
        private var toldAt: UInt64?

        /// - Parameter now: milliseconds since 1970. A clock that was set back does not suppress lines.
        mutating func isDue(at now: UInt64) -> Bool {
            if let toldAt, now >= toldAt, now < toldAt + MinuteThrottle.pause { return false }
            toldAt = now
            return true
        }
    }

    /// Passes a limited number of lines between two calls of `begin`.
    struct Throttle {
        private let perSecondMax: Int
        private var count = 0

        init(perSecondMax: Int = 10) { self.perSecondMax = perSecondMax }

        mutating func mayTell() -> Bool {
            count += 1
            return count <= perSecondMax
        }

        /// - Returns: the number of lines suppressed since the last call.
        mutating func begin() -> Int {
            defer { count = 0 }
            return max(count - perSecondMax, 0)
        }
    }

    func name(_ id: PoolConnectionID) -> String { pools[Int(id.pool)] }

    private func upstream(_ id: PoolConnectionID) -> Logger.Metadata { ["upstream": "\(id.upstream)"] }

    /// The reason of a pool's failure, and the remedy.
    private static func words(for failure: PoolFailure) -> (reason: String, remedy: String) {
        switch failure {
        case .connection(let text): (text, "trying again")
        case .connectTimeout: ("no connection within \(Limits.poolConnect.count / 1_000) s", "trying again")
        case .noAnswer: ("no answer within \(Limits.poolAnswer.count / 1_000) s", "reconnecting")
        case .loginRefused(let text): ("login refused: \"\(text)\"", "check user and pass, trying again")
        case .fault(let fault): ("it sent \(fault.text)", "reconnecting")
        case .sessionLost(let text): ("the pool no longer knows this session (\"\(text)\")", "logging in again")
        case .banned(let text, let pause):
            ("the pool has banned this proxy (\"\(text)\")", "next attempt in \((pause.count + 999) / 1_000) s")
        case .redirectedTooOften:
            ("redirected \(Limits.redirectsMax) times in a row", "reconnecting to its configured address")
        case .rejectsShares(let count):
            ("it rejects every share, \(count) in a row", "using another pool, trying it again later")
        }
    }
}
