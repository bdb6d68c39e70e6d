internal import Continuity
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Glibc
internal import Logging
internal import Telemetry

/// The wiring of the collector: the event streams of all shards in, one snapshot per second and one event stream for
/// gateways out.
///
/// Only stored events are acknowledged. The shards keep the others as long as their logs have room, and a restarted
/// collector requests them again.
final class Collector {
    /// Interval of snapshots, heartbeats and checks for silent shards. Clients of the API see changes no later.
    static let tickMilliseconds: UInt64 = 1_000

    /// Delay before the next read while a shard replays missing events, which arrive in many messages.
    static let answerMilliseconds: UInt64 = 5

    private let loop: Loop
    private var lifeline: Lifeline
    private let logger = Logger(label: "collector")
    private let bus: BusContext
    private let subscribers: [EventSubscriber]
    private let publisher: SnapshotPublisher
    private let feed: GatewayFeed
    private let persistence: Persistence
    private(set) var statistics: Statistics
    private var watches: [DescriptorWatch] = []
    private var signals: [SignalSource] = []
    private var tick: Timer?
    private var rest: Timer?
    private var feedTick: Timer?
    private var wasLive: [Bool]
    private var unreadableSeen: UInt64 = 0
    private var summary: SummaryLine

    /// Reads the database, then opens all sockets.
    /// - Parameter printSeconds: `Settings.printSeconds`
    init(
        on loop: Loop, lifeline: consuming Lifeline, runDirectory: String, shardCount: Int, serviceStartedAt: UInt64,
        options: Persistence.Options, printSeconds: Int = 0
    ) throws {
        let bus = try BusContext()
        self.loop = loop
        self.bus = bus
        self.lifeline = lifeline
        var statistics = Statistics(startedAt: serviceStartedAt, shardCount: shardCount)
        persistence = Persistence(options, &statistics, shardCount: shardCount, at: Self.now(loop), logger: logger)
        publisher = try SnapshotPublisher(bus, runDirectory: runDirectory)
        feed = try GatewayFeed(bus, runDirectory: runDirectory)
        subscribers = try statistics.restoredPositions.enumerated().map { number, position in
            let shard = UInt16(number)
            let gate = position.map { SequenceGate(shard: shard, resuming: $0.epoch, next: $0.next) }
            return try EventSubscriber(
                bus, runDirectory: runDirectory, source: .shard(shard), gate: gate ?? SequenceGate(shard: shard))
        }
        self.statistics = statistics
        wasLive = [Bool](repeating: false, count: shardCount)
        summary = SummaryLine(everySeconds: printSeconds, at: loop.nanoseconds / 1_000_000)
    }

    /// Collects until the supervisor exits or a signal arrives.
    func run() throws {
        try start()
        // The loop's callbacks have weak references to `self`.
        withExtendedLifetime(self) { loop.run() }
    }

    /// Registers all callbacks with the loop and reports ready.
    func start() throws {
        watches.append(
            try DescriptorWatch(on: loop, descriptor: publisher.subscriptionDescriptor) { [weak self] in
                self?.publisher.greetSubscribers()
            })
        watches.append(
            try DescriptorWatch(on: loop, descriptor: feed.requestDescriptor) { [weak self] in self?.answerGateways() })
        watches.append(
            try DescriptorWatch(on: loop, descriptor: lifeline.descriptor) { [weak self] in
                guard let self, lifeline.isCut() else { return }
                stop("the supervisor exited")
            })
        for number in [SIGTERM, SIGINT] {
            signals.append(
                try SignalSource(on: loop, signal: number) { [weak self] in self?.stop("signal \(number)") })
        }
        rest = Timer(on: loop) { [weak self] in
            self?.readAll()
            self?.answerGateways()
        }
        // The shards' descriptors are not watched: events are passed on with the next feed anyway, and reading then
        // takes a tenth of the processor time that waking up for each message takes.
        feedTick = Timer(on: loop) { [weak self] in
            self?.readAll()
            self?.feedGateways()
        }
        feedTick?.start(after: GatewayFeed.flushMilliseconds, repeating: GatewayFeed.flushMilliseconds)
        tick = Timer(on: loop) { [weak self] in self?.ticked() }
        tick?.start(after: 0, repeating: Self.tickMilliseconds)
        lifeline.say(.ready)
        logger.info(
            "collecting from \(counted(subscribers.count, "shard"))",
            metadata: ["zeromq": "\(BusContext.zeroMQVersion)"])
    }

    // MARK: - Events

    private func readAll() {
        for subscriber in subscribers { read(subscriber) }
    }

    private func read(_ subscriber: EventSubscriber) {
        let now = now()
        let shard = subscriber.shard
        var isTold = false
        let hasMore = subscriber.receive(
            at: now.monotonic,
            gauges: { gauges in statistics.hearGauges(gauges, from: shard, at: now) },
            handle: { news in
                isTold = true
                statistics.hear(news, from: shard, at: now)
                if news.contains(where: \.isMissedByPeople) { persistence.heardNews(at: now.monotonic) }
                for item in news { report(item, of: shard) }
            })
        statistics.noteReplayed(subscriber.replayedCount, shard: shard)
        if hasMore {
            rest?.start(after: 0)
        } else if isTold, subscriber.isBehind {
            rest?.start(after: Self.answerMilliseconds)
        }
    }

    private func ticked() {
        // Read waiting messages first: after a pause of this process every shard would appear silent.
        readAll()
        keep()
        mendBus()
        let snapshot = statistics.snapshot(at: now())
        publisher.publish(snapshot)
        feedGateways()
        answerGateways()
        lifeline.sayHeartbeat()
        reportLiveness(snapshot)
        if let line = summary.line(of: snapshot, at: now().monotonic) { logger.info("\(line)") }
        if persistence.isWorthARestart { stop("the database is usable again; restarting to use it") }
    }

    /// Creates the sockets in the run directory again after they were removed.
    private func mendBus() {
        do throws(BusFailure) {
            try publisher.mend()
            try feed.mend()
            Degradation.set("bus", nil)
        } catch {
            Degradation.set("bus", "\(error); the API shows old statistics")
        }
    }

    private func keep() {
        persistence.turn(&statistics, positions: positions, at: now(), acknowledge: acknowledge)
    }

    private var positions: [SavedShard.Position?] {
        subscribers.map { $0.position.map { SavedShard.Position(epoch: $0.epoch, next: $0.next) } }
    }

    private func acknowledge(_ durable: [SavedShard.Position?]) {
        for (subscriber, position) in zip(subscribers, durable) {
            if let position { subscriber.acknowledge((position.epoch, position.next)) }
        }
        // Sending can consume an edge of the descriptor.
        rest?.start(after: 0)
    }

    private func feedGateways() {
        feed.pass(statistics.takeRelay())
        feed.flush()
        feed.publish(statistics.takeMinerGauges(), at: now().time)
    }

    private func answerGateways() {
        // A gateway that asks for the live miners must have received the events before.
        feed.pass(statistics.takeRelay())
        if feed.answer(liveMiners: { statistics.liveMiners() }) { rest?.start(after: 0) }
    }

    private func now() -> Statistics.Moment { Self.now(loop) }

    private static func now(_ loop: Loop) -> Statistics.Moment {
        Statistics.Moment(time: WallClock.milliseconds(), monotonic: loop.nanoseconds / 1_000_000)
    }

    private func stop(_ reason: String) {
        guard let tick else { return }
        logger.info("stopping: \(reason)")
        tick.close()
        self.tick = nil
        ticked()
        persistence.end(&statistics, positions: positions, now: now, acknowledge: acknowledge)
        rest?.close()
        feedTick?.close()
        for watch in watches { watch.close() }
        for signal in signals { signal.close() }
        for subscriber in subscribers { subscriber.close() }
        publisher.close()
        feed.close()
        bus.finish()
    }

    // MARK: - Messages for the operator

    private func report(_ news: SequenceGate.Delivery, of shard: UInt16) {
        switch news {
        case .events: break
        case .epochBegan: logger.info("shard \(shard): event stream of a new process")
        case .liveMiners(_, let miners):
            logger.notice("shard \(shard): joined its event stream, \(counted(miners.count, "miner")) connected")
        // An epoch that ended without its last checkpoint; the events it had counted are known.
        case .lost(_, 0): logger.debug("shard \(shard): its previous process ended without a last checkpoint")
        case .lost(_, let count):
            logger.warning("shard \(shard): \(counted(count, "event")) lost; totals are repaired from its counters")
        }
    }

    private func reportLiveness(_ snapshot: Snapshot) {
        for (index, shard) in snapshot.shards.enumerated() where shard.isLive != wasLive[index] {
            wasLive[index] = shard.isLive
            if shard.isLive {
                logger.info("shard \(shard.shard): heartbeat received")
            } else {
                logger.warning("shard \(shard.shard): no heartbeat; its miners no longer count as connected")
            }
        }
        let unreadable = subscribers.reduce(0) { $0 + $1.unreadableCount }
        if unreadable > unreadableSeen {
            let count = counted(unreadable - unreadableSeen, "message")
            logger.warning("\(count) of shards could not be decoded (another version?)")
        }
        unreadableSeen = unreadable
    }
}

extension SequenceGate.Delivery {
    /// Checkpoints alone can wait for their commit; shares, logins and errors cannot.
    fileprivate var isMissedByPeople: Bool {
        guard case .events(_, let events) = self else { return true }
        return events.contains { event in
            if case .checkpoint = event { false } else { true }
        }
    }
}
