internal import EventLoop
internal import Logging
internal import StratumProtocol
internal import StratumSession

/// What the shard has to tell, in log lines. No logins, no passwords: miners are named by address.
struct NewsLog {
    private let log: Logger
    private let pools: [String]
    /// Pools whose return has been told since the last failure that was: a shard with many upstreams says it once, not
    /// for each of them.
    private var activePools: Set<UInt8> = []
    /// Rejected shares told in the current second, and how many more were not.
    private var rejections = 0
    private var silenced = 0
    private var second: UInt64 = 0

    /// Rejected shares that are told one by one; a pool that refuses everything must not fill the disk.
    private static let rejectionsPerSecondMax = 10

    init(log: Logger, pools: [String]) {
        self.log = log
        self.pools = pools
    }

    mutating func tell(_ news: ShardNews, miner: (MinerID) -> String?) {
        switch news {
        case .poolActive(let id):
            let isNews = activePools.insert(id.pool).inserted
            log.log(level: isNews ? .info : .debug, "\(name(id)): logged in, job received", metadata: upstream(id))
        case .poolFailed(let id, let failure):
            activePools.remove(id.pool)
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
        case .shareRejected(let id, let connection, let text, let difficulty):
            guard mayTellRejection() else { return }
            log.notice(
                "\(name(connection)) rejected a share: \"\(text)\"",
                metadata: [
                    "upstream": "\(connection.upstream)", "difficulty": "\(difficulty)",
                    "ip": "\(miner(id) ?? "gone")",
                ])
        case .upstreamClosed(let upstream):
            log.debug("pool connection without miners closed", metadata: ["upstream": "\(upstream)"])
        case .outOfUpstreams:
            log.error("no pool connection left for a miner: \(Limits.upstreamsMax) are open")
        }
    }

    /// Why a miner was sent away.
    func closed(_ connection: MinerConnection, _ reason: CloseReason) {
        let metadata: Logger.Metadata = ["ip": "\(connection.peer?.host ?? "?")"]
        switch reason {
        case .permissionDenied: log.info("a miner gave a wrong access password", metadata: metadata)
        case .notNicehashCapable:
            log.info("a miner ignores its nonce byte (is it NiceHash compatible?)", metadata: metadata)
        case .loginTimeout: log.debug("a connection without login was closed", metadata: metadata)
        case .idleTimeout: log.debug("a silent miner was closed", metadata: metadata)
        case .fault(let fault): log.debug("a miner sent \(fault.text)", metadata: metadata)
        case .outOfTurn: log.debug("a miner sent a request out of turn", metadata: metadata)
        case .noUpstream: log.debug("a miner found no room", metadata: metadata)
        }
    }

    private mutating func mayTellRejection() -> Bool {
        let now = WallClock.milliseconds() / 1_000
        if now != second {
            if silenced > 0 { log.notice("…and \(silenced) more rejected shares within a second") }
            (second, rejections, silenced) = (now, 0, 0)
        }
        guard rejections < NewsLog.rejectionsPerSecondMax else {
            silenced += 1
            return false
        }
        rejections += 1
        return true
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
