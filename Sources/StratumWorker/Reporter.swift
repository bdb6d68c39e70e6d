internal import Configuration
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import StratumSession
internal import Telemetry

/// Tells the collector what happened, without ever waiting for it.
final class Reporter {
    /// All miners that have joined and not left, for a collector that comes late.
    var liveMiners: () -> [MinerJoined] = { [] }

    private let shard: UInt16
    private let runDirectory: String
    private let publisher: EventPublisher
    private let context: BusContext
    private var watch: DescriptorWatch?
    private var timer: Timer?
    private var isWaitingToFlush = false

    /// - Parameter events: of a predecessor, perhaps.
    init(_ settings: Settings, events: EventLog) throws {
        shard = events.shard
        runDirectory = settings.runDirectory
        context = try BusContext()
        publisher = try EventPublisher(context, log: events)
    }

    /// Takes the shard's place on the bus: from here on what is recorded is heard.
    /// - Returns: why it could not; then it is kept for later, and `mend` tries again.
    func open(on loop: Loop) throws -> BusFailure? {
        var failure: BusFailure?
        do throws(BusFailure) {
            try publisher.bind(.shard(shard), runDirectory: runDirectory)
        } catch {
            failure = error
        }
        watch = try DescriptorWatch(on: loop, descriptor: publisher.requestDescriptor) { [unowned self] in
            self.serveRequests()
        }
        timer = Timer(on: loop) { [unowned self] in self.flush() }
        return failure
    }

    /// Takes the place on the bus again when the run directory was cleaned.
    func mend() throws(BusFailure) { try publisher.mend() }

    func joined(_ miner: MinerJoined) {
        publisher.record(miner)
        flushSoon()
    }

    func left(key: MinerKey) {
        publisher.record(MinerLeft(key: key))
        flushSoon()
    }

    /// A share has met its fate.
    func settled(_ share: SettledShare) {
        publisher.settle(EventTranslation.settled(share, at: WallClock.milliseconds()))
        flushSoon()
    }

    func poolError(_ error: PoolError) {
        publisher.record(error)
        flushSoon()
    }

    func checkpoint(_ checkpoint: Checkpoint) {
        publisher.record(checkpoint)
        flush()
    }

    /// What a successor needs to go on with the same stream.
    func written() -> [UInt8] { publisher.written() }

    /// What is so now, beside the events.
    /// - Parameters:
    ///   - conditions: of the pools, in the order of the shard's directory.
    ///   - closed: connections, since the process began.
    ///   - loopDelay: microseconds.
    ///   - isCrashSafe: a successor finds what it needs to continue.
    ///   - now: the moment that the views were taken.
    func gauges(
        _ shard: borrowing Shard, _ miners: [MinerGauge], conditions: [PoolCondition], closed: ClosedConnections,
        loopDelay: UInt32, isCrashSafe: Bool, now: Instant
    ) {
        let time = WallClock.milliseconds()
        var gauges = ShardGauges(
            shard: self.shard, epoch: publisher.epoch, time: time, loopDelayMicroseconds: loopDelay,
            upstreams: shard.upstreamViews.map { UpstreamGauge($0, at: now, time: time) }, miners: miners)
        gauges.pools = shard.poolDirectory
        gauges.poolConditions = conditions
        gauges.closed = closed
        gauges.minersQuarantined = UInt32(clamping: shard.minersQuarantined(at: now))
        gauges.losesMinersOnCrash = !isCrashSafe
        gauges.minersWaiting = UInt32(clamping: shard.minersWaiting)
        publisher.publish(gauges)
    }

    /// What was recorded leaves as one message.
    private func flush() {
        isWaitingToFlush = false
        serveRequests()
        publisher.flush()
    }

    /// The number of the next event.
    var nextSequence: UInt64 { publisher.nextSequence }

    /// Every event before this one is durable.
    var acknowledgedSequence: UInt64 { publisher.acknowledgedSequence }

    /// - Parameter last: the last word.
    func close(_ last: Checkpoint) {
        watch?.close()
        timer?.close()
        publisher.close(last)
        context.finish()
    }

    private func serveRequests() {
        // ZeroMQ's descriptor reports changes, not states: what is left of a flood of requests waits for the timer.
        if publisher.serveRequests(liveMiners: liveMiners) { flushSoon() }
    }

    /// A message to the bus wakes three threads in two processes, for several times what a share costs otherwise, so it
    /// carries what many turns have gathered: nobody who looks on sees a tenth of a second.
    private static let gatherMilliseconds: UInt64 = 100

    private func flushSoon() {
        guard !isWaitingToFlush else { return }
        isWaitingToFlush = true
        timer?.start(after: Reporter.gatherMilliseconds)
    }
}

extension UpstreamGauge {
    /// - Parameters:
    ///   - now: the moment of the view.
    ///   - time: the same moment by the time of day, in milliseconds since 1970.
    init(_ view: UpstreamView, at now: Instant, time: UInt64) {
        func timeOfDay(_ moment: Instant?) -> UInt64 { moment.map { Self.timeOfDay($0, at: now, time) } ?? 0 }
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

    /// - Parameter time: `now` by the time of day, in milliseconds since 1970.
    static func timeOfDay(_ moment: Instant, at now: Instant, _ time: UInt64) -> UInt64 {
        time - min(now.microseconds(since: moment) / 1_000, time)
    }
}
