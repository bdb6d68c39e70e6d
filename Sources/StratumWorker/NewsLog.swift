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
    let log: Logger
    /// Lines that only `--verbose` shows are written.
    let tellsDetails: Bool
    /// Seat by seat (`Shard.poolNames`).
    var pools: [String]
    /// Pools whose return has been told since the last failure that was: a shard with many upstreams says it once, not
    /// for each of them.
    private var activePools: Set<String> = []
    private var rejections = Throttle()
    var dismissals = Throttle()
    var acceptances = Throttle()
    var arrivals = Throttle()
    private var shortages = Throttle(perSecondMax: 1)
    /// What lasts for hours or not at all is told once a minute.
    private var noRoomHint = MinuteThrottle()
    var tlsHint = MinuteThrottle()
    var proxyHint = MinuteThrottle()
    /// Shares that a pool accepted, and those that a pool or we refused, since this process began.
    var acceptedTotal = 0
    var refusedTotal = 0
    var refused = RefusedShares()

    init(log: Logger, pools: [String]) {
        self.log = log
        tellsDetails = log.logLevel <= .debug
        self.pools = pools
    }

    mutating func tell(_ news: ShardNews, miner: (MinerID) -> String?) {
        switch news {
        case .poolActive(let id):
            let isNews = activePools.insert(name(id)).inserted
            log.log(level: isNews ? .info : .debug, "\(name(id)): logged in, job received", metadata: upstream(id))
        case .poolFailed(let id, let failure):
            activePools.remove(name(id))
            log.warning("\(name(id)): \(NewsLog.text(failure)); trying again", metadata: upstream(id))
        case .poolReservesNonceByte(let id):
            log.warning(
                """
                \(name(id)) keeps the first nonce byte for itself (a NiceHash-type pool or proxy): its jobs cannot be \
                split, so every miner gets a pool connection of its own
                """)
        case .newJob(let upstream, let pool, let difficulty, let height, let miners):
            log.debug(
                "\(pools[Int(pool)]): new job",
                metadata: [
                    "upstream": "\(upstream)", "difficulty": "\(difficulty)", "height": "\(height)",
                    "miners": "\(miners)",
                ])
        case .shareUnauthenticated(let id):
            unauthenticated(id, ip: miner(id))
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

    /// A miner that did not read was dropped.
    mutating func overflowed(_ ip: @autoclosure () -> String?) {
        guard dismissals.mayTell() else { return }
        log.info("a miner was closed: it does not read what it is sent", metadata: ["ip": "\(ip() ?? "?")"])
    }

    /// A miner was sent away because descriptors run out.
    mutating func noRoom(miners: Int, descriptors: UInt, at now: UInt64 = WallClock.milliseconds()) {
        guard noRoomHint.isDue(at: now) else { return }
        log.error(
            """
            no room for another miner: \(miners) are connected, and this process may open \(descriptors) files (raise \
            LimitNOFILE or `ulimit -n`, or use more shards); those that are here go on
            """)
    }

    /// To be called once a second: tells how much was not told, and begins anew.
    mutating func tellSilenced(address: (MinerID) -> String? = { _ in nil }) {
        let rejected = rejections.begin()
        if rejected > 0 { log.notice("…and \(rejected) more rejected shares within a second") }
        let dismissed = dismissals.begin()
        if dismissed > 0 { log.info("…and \(dismissed) more miners sent away within a second") }
        let accepted = acceptances.begin()
        if accepted > 0 { log.debug("…and \(accepted) more accepted shares within a second") }
        let arrived = arrivals.begin()
        if arrived > 0 { log.debug("…and \(arrived) more logins and departures within a second") }
        _ = shortages.begin()
        tellRefusedShares(address: address)
    }

    /// Lets one line a minute pass.
    struct MinuteThrottle {
        private static let pause: UInt64 = 60_000
        private var toldAt: UInt64?

        /// - Parameter now: milliseconds since 1970. A clock that was set back does not silence it.
        mutating func isDue(at now: UInt64) -> Bool {
            if let toldAt, now >= toldAt, now < toldAt + MinuteThrottle.pause { return false }
            toldAt = now
            return true
        }
    }

    /// So many of a kind are told between two beginnings.
    struct Throttle {
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

    private static func text(_ failure: PoolFailure) -> String {
        switch failure {
        case .connection(let text): text
        case .connectTimeout: "no connection within \(Limits.poolConnect.count / 1_000) s"
        case .noAnswer: "no answer within \(Limits.poolAnswer.count / 1_000) s"
        case .loginRefused(let text): "login refused: \"\(text)\""
        case .fault(let fault): "it sent \(fault.text)"
        }
    }
}
