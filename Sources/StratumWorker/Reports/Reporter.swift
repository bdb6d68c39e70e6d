internal import Configuration
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import StratumSession
internal import Telemetry

/// Sends events to the collector, and never waits for it.
final class Reporter {
    /// All logged-in miners, for a collector that connects later.
    var liveMiners: () -> [MinerJoined] = { [] }

    private let shard: UInt16
    private let runDirectory: String
    private let publisher: EventPublisher
    private let context: BusContext
    private var watch: DescriptorWatch?
    private var timer: Timer?
    private var isWaitingToFlush = false
    /// Miners that have joined since the gauges were last sent.
    private var newcomers: [MinerID] = []
    /// The others of a crowd wait for their turn, as all miners do afterwards.
    private static let newcomersMax = 4_096

    /// - Parameter events: new, or continued from the previous process.
    init(_ settings: Settings, events: EventLog) throws {
        shard = events.shard
        runDirectory = settings.runDirectory
        context = try BusContext()
        publisher = try EventPublisher(context, log: events)
    }

    /// Binds the shard's sockets on the bus; recorded events are sent from then on.
    /// - Returns: the reason when binding fails; events are then kept, and `mend` tries again.
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

    /// Binds the sockets again when they were removed from the run directory.
    func mend() throws(BusFailure) { try publisher.mend() }

    func joined(_ miner: MinerJoined, _ id: MinerID) {
        publisher.record(miner)
        if newcomers.count < Reporter.newcomersMax { newcomers.append(id) }
        flushSoon()
    }

    /// The miners whose gauges are sent first.
    func takeNewcomers() -> [MinerID] {
        defer { newcomers = [] }
        return newcomers
    }

    func left(key: MinerKey) {
        publisher.record(MinerLeft(key: key))
        flushSoon()
    }

    /// A share was accepted, rejected or refused.
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

    /// The state that a successor needs to continue the event stream.
    func written() -> [UInt8] { publisher.written() }

    /// Publishes the present state, in addition to the events.
    /// - Parameters:
    ///   - conditions: the pools' conditions, in the order of the shard's directory.
    ///   - closed: connections closed since the process started.
    ///   - tls: of the miners.
    ///   - loopDelay: microseconds.
    ///   - isCrashSafe: a successor can continue after a crash.
    ///   - now: the moment of the values.
    func gauges(
        _ shard: borrowing Shard, _ miners: [MinerGauge], conditions: [PoolCondition], closed: ClosedConnections,
        tls: TLSFigures, loopDelay: UInt32, isCrashSafe: Bool, now: Instant
    ) {
        let time = WallClock.milliseconds()
        var gauges = ShardGauges(
            shard: self.shard, epoch: publisher.epoch, time: time, loopDelayMicroseconds: loopDelay,
            upstreams: shard.upstreamViews.map { UpstreamGauge($0, at: now, time: time) }, miners: miners)
        gauges.pools = shard.poolDirectory
        // An upstream can have more than one connection, while it changes its pool. The one to the pool that it uses
        // counts.
        for (id, _) in shard.poolConnections {
            guard let tls = shard.tls(of: id), gauges.upstreams.indices.contains(Int(id.upstream)) else { continue }
            let pool = Int(gauges.upstreams[Int(id.upstream)].pool)
            guard gauges.pools.indices.contains(pool), gauges.pools[pool] == shard.pool(of: id).name else { continue }
            gauges.upstreams[Int(id.upstream)].tls = TLSCode(tls)
        }
        gauges.poolConditions = conditions
        gauges.closed = closed
        gauges.tls = tls
        gauges.minersQuarantined = UInt32(clamping: shard.minersQuarantined(at: now))
        gauges.losesMinersOnCrash = !isCrashSafe
        gauges.minersWaiting = UInt32(clamping: shard.minersWaiting)
        publisher.publish(gauges)
    }

    /// Sends the recorded events as one message.
    private func flush() {
        isWaitingToFlush = false
        serveRequests()
        publisher.flush()
    }

    /// The sequence number of the next event.
    var nextSequence: UInt64 { publisher.nextSequence }

    /// The collector has stored every event before this one.
    var acknowledgedSequence: UInt64 { publisher.acknowledgedSequence }

    /// - Parameter last: the final checkpoint.
    func close(_ last: Checkpoint) {
        watch?.close()
        timer?.close()
        publisher.close(last)
        context.finish()
    }

    private func serveRequests() {
        // ZeroMQ's descriptor is edge-triggered. The requests left over are served by the timer.
        if publisher.serveRequests(liveMiners: liveMiners) { flushSoon() }
    }

    /// A message to the bus wakes three threads in two processes, which costs several times as much as a share. So a
    /// message has the events of many turns; a delay of a tenth of a second is not visible to users.
    private static let gatherMilliseconds: UInt64 = 100

    private func flushSoon() {
        guard !isWaitingToFlush else { return }
        isWaitingToFlush = true
        timer?.start(after: Reporter.gatherMilliseconds)
    }
}

extension TLSCode {
    /// - Parameter description: nil without TLS.
    init(_ description: TLSDescription?) {
        self = description.map { TLSCode(version: $0.version, cipher: $0.cipher) } ?? .none
    }
}

extension UpstreamGauge {
    /// - Parameters:
    ///   - now: the moment of the view.
    ///   - time: the same moment in milliseconds since 1970.
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

    /// - Parameter time: `now` in milliseconds since 1970.
    static func timeOfDay(_ moment: Instant, at now: Instant, _ time: UInt64) -> UInt64 {
        time - min(now.microseconds(since: moment) / 1_000, time)
    }
}
