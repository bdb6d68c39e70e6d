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
    /// Pools whose return has been told since the last failure that was: a shard with many upstreams says it once, not
    /// for each of them.
    private var activePools: Set<String> = []
    private var rejections = Throttle()
    private var dismissals = Throttle()
    private var shortages = Throttle(perSecondMax: 1)
    /// When the lack of descriptors was last told, in milliseconds since 1970; it lasts for hours or not at all.
    private var toldNoRoomAt: UInt64?
    private static let noRoomPause: UInt64 = 60_000

    init(log: Logger, pools: [String]) {
        self.log = log
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
        case .jobsWithoutAlgorithm(let id):
            log.warning(
                """
                \(name(id)): its jobs name no algorithm and none is configured, so XMRig refuses them; set "algo" or \
                "coin" of this pool
                """)
        case .newJob(let upstream, let pool, let difficulty, let height, let miners):
            log.debug(
                "\(pools[Int(pool)]): new job",
                metadata: [
                    "upstream": "\(upstream)", "difficulty": "\(difficulty)", "height": "\(height)",
                    "miners": "\(miners)",
                ])
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

    /// To be called once a second: tells how much was not told, and begins anew.
    mutating func tellSilenced() {
        let rejected = rejections.begin()
        if rejected > 0 { log.notice("…and \(rejected) more rejected shares within a second") }
        let dismissed = dismissals.begin()
        if dismissed > 0 { log.info("…and \(dismissed) more miners sent away within a second") }
        _ = shortages.begin()
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
