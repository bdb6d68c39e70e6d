internal import Configuration
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// Tells the collector what happened, without ever waiting for it.
final class Reporter {
    /// What is so now, as the shard counts it.
    struct Gauges {
        var minersNow: Int
        var connections: Int
        var upstreams: (active: Int, sleeping: Int, error: Int)
    }

    /// All miners that have joined and not left, for a collector that comes late.
    var liveMiners: () -> [MinerJoined] = { [] }

    private let shard: UInt16
    private let publisher: EventPublisher
    private let context: BusContext
    private var watch: DescriptorWatch?
    private var timer: Timer?
    private var isWaitingToFlush = false

    init(_ settings: Settings, shard: Int, loop: Loop) throws {
        self.shard = UInt16(clamping: shard)
        context = try BusContext()
        publisher = try EventPublisher(
            context, runDirectory: settings.runDirectory, source: .shard(self.shard), epoch: .random())
        watch = try DescriptorWatch(on: loop, descriptor: publisher.requestDescriptor) { [unowned self] in
            self.serveRequests()
        }
        timer = Timer(on: loop) { [unowned self] in self.flush() }
    }

    func joined(_ connection: MinerConnection, key: MinerKey) {
        guard let identity = connection.identity else { return }
        let joined = MinerJoined(
            key: key, worker: identity.worker, ip: identity.ip, agent: identity.agent, user: identity.user,
            rigID: identity.rigID, shard: shard)
        connection.joined = joined
        publisher.record(joined)
        flushSoon()
    }

    func left(key: MinerKey) {
        publisher.record(MinerLeft(key: key))
        flushSoon()
    }

    /// A share has met its fate: the one place where the core's words become the collector's.
    func settled(_ share: SettledShare) {
        let (outcome, reason) = Reporter.translate(share.outcome)
        publisher.record(
            ShareSettled(
                miner: share.minerKey, time: WallClock.milliseconds(), outcome: outcome, reason: reason,
                isExpired: share.isExpired, difficulty: share.difficulty,
                creditedDifficulty: share.creditedDifficulty, actualDifficulty: share.actualDifficulty,
                latencyMicroseconds: UInt32(clamping: share.latencyMicroseconds), upstream: share.upstream,
                pool: share.pool))
        flushSoon()
    }

    func poolError(_ text: String) {
        publisher.record(PoolError(time: WallClock.milliseconds(), text: text))
        flushSoon()
    }

    func checkpoint(_ gauges: Gauges) {
        publisher.record(Reporter.checkpoint(gauges))
        flush()
    }

    private static func checkpoint(_ gauges: Gauges) -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.time = WallClock.milliseconds()
        checkpoint.minersNow = UInt32(clamping: gauges.minersNow)
        checkpoint.connections = UInt32(clamping: gauges.connections)
        checkpoint.upstreams = UpstreamCounts(
            active: UInt32(clamping: gauges.upstreams.active), sleeping: UInt32(clamping: gauges.upstreams.sleeping),
            error: UInt32(clamping: gauges.upstreams.error))
        return checkpoint
    }

    /// What is so now, beside the events.
    /// - Parameters:
    ///   - loopDelay: microseconds.
    ///   - now: the moment that the views were taken.
    func gauges(_ upstreams: [UpstreamView], _ miners: [MinerGauge], loopDelay: UInt32, now: Instant) {
        let time = WallClock.milliseconds()
        publisher.publish(
            ShardGauges(
                shard: shard, epoch: publisher.epoch, time: time, loopDelayMicroseconds: loopDelay,
                upstreams: upstreams.map { UpstreamGauge($0, at: now, time: time) }, miners: miners))
    }

    /// What was recorded leaves as one message.
    private func flush() {
        isWaitingToFlush = false
        serveRequests()
        publisher.flush()
    }

    /// - Parameter gauges: the last word on them.
    func close(_ gauges: Gauges) {
        watch?.close()
        timer?.close()
        publisher.close(Reporter.checkpoint(gauges))
        context.finish()
    }

    private func serveRequests() {
        // ZeroMQ's descriptor reports changes, not states: what is left of a flood of requests waits for the timer.
        if publisher.serveRequests(liveMiners: liveMiners) { flushSoon() }
    }

    /// A message to the bus costs several times what a share costs otherwise, so it carries what a few turns have gathered.
    private static let gatherMilliseconds: UInt64 = 20

    private func flushSoon() {
        guard !isWaitingToFlush else { return }
        isWaitingToFlush = true
        timer?.start(after: Reporter.gatherMilliseconds)
    }

    static func translate(_ outcome: SettledShare.Outcome) -> (ShareOutcome, RefusalReason) {
        switch outcome {
        case .accepted: (.accepted, .none)
        case .rejected: (.rejected, .pool)
        case .poolLost: (.invalid, .poolLost)
        case .local: (.local, .none)
        case .invalid(let refusal): (.invalid, reason(refusal))
        }
    }

    private static func reason(_ refusal: MinerReply.Refusal) -> RefusalReason {
        switch refusal {
        case .lowDifficulty: .lowDifficulty
        case .invalidNonce: .invalidNonce
        case .staleShare: .staleJob
        case .wrongAlgorithm: .wrongAlgorithm
        case .duplicateShare, .tooManyShares: .duplicate
        case .badGateway, .invalidMethod, .unauthenticated, .permissionDenied: .badGateway
        }
    }
}

extension UpstreamGauge {
    /// - Parameters:
    ///   - now: the moment of the view.
    ///   - time: the same moment by the time of day, in milliseconds since 1970.
    init(_ view: UpstreamView, at now: Instant, time: UInt64) {
        func timeOfDay(_ moment: Instant?) -> UInt64 {
            guard let moment else { return 0 }
            return time - min(now.microseconds(since: moment) / 1_000, time)
        }
        let state: State =
            switch view.state {
            case .active: .active
            case .sleeping: .sleeping
            case .error: .error
            }
        self.init(id: view.id, state: state)
        pool = view.pool
        miners = UInt16(clamping: view.miners)
        difficulty = view.difficulty
        height = view.height
        loggedInAt = timeOfDay(view.loggedInAt)
        jobAt = timeOfDay(view.jobAt)
        accepted = view.accepted
        rejected = view.rejected
        inFlight = UInt32(clamping: view.inFlight)
    }
}
