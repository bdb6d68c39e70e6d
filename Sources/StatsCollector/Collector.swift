internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Glibc
internal import Logging
internal import Telemetry

/// The wiring of the collector: the streams of all shards in, one snapshot a second out.
///
/// Nothing is acknowledged while nothing is durable: the shards keep what their logs can hold, and a collector that
/// starts anew gets it from there, the rest from their counters.
final class Collector {
    /// A snapshot, a beat and a look for silent shards; the API's clients see news no later.
    static let tickMilliseconds: UInt64 = 1_000

    private let loop: Loop
    private let lifeline: Lifeline
    private let logger = Logger(label: "collector")
    private let bus: BusContext
    private let subscribers: [EventSubscriber]
    private let publisher: SnapshotPublisher
    private(set) var statistics: Statistics
    private var watches: [DescriptorWatch] = []
    private var signals: [SignalSource] = []
    private var tick: Timer?
    private var rest: Timer?
    private var wasLive: [Bool]
    private var unreadableSeen: UInt64 = 0

    /// Opens all sockets.
    init(
        on loop: Loop, lifeline: consuming Lifeline, runDirectory: String, shardCount: Int, serviceStartedAt: UInt64
    ) throws {
        let bus = try BusContext()
        self.loop = loop
        self.bus = bus
        self.lifeline = lifeline
        publisher = try SnapshotPublisher(bus, runDirectory: runDirectory)
        subscribers = try (0..<shardCount).map { number in
            try EventSubscriber(bus, runDirectory: runDirectory, source: .shard(UInt16(number)))
        }
        statistics = Statistics(startedAt: serviceStartedAt, shardCount: shardCount)
        wasLive = [Bool](repeating: false, count: shardCount)
    }

    /// Collects until the supervisor is gone or a signal says stop.
    func run() throws {
        try start()
        // The loop's callbacks hold us weakly.
        withExtendedLifetime(self) { loop.run() }
    }

    /// Hangs everything into the loop, and says ready.
    func start() throws {
        for subscriber in subscribers {
            for descriptor in subscriber.descriptors {
                watches.append(
                    try DescriptorWatch(on: loop, descriptor: descriptor) { [weak self] in self?.read(subscriber) })
            }
        }
        watches.append(
            try DescriptorWatch(on: loop, descriptor: publisher.subscriptionDescriptor) { [weak self] in
                self?.publisher.greetSubscribers()
            })
        watches.append(
            try DescriptorWatch(on: loop, descriptor: lifeline.descriptor) { [weak self] in
                guard let self, lifeline.isCut() else { return }
                stop("the supervisor is gone")
            })
        for number in [SIGTERM, SIGINT] {
            signals.append(
                try SignalSource(on: loop, signal: number) { [weak self] in self?.stop("signal \(number)") })
        }
        rest = Timer(on: loop) { [weak self] in self?.readAll() }
        tick = Timer(on: loop) { [weak self] in self?.ticked() }
        tick?.start(after: 0, repeating: Self.tickMilliseconds)
        lifeline.sayReady()
        logger.info("collecting from \(subscribers.count) shards", metadata: ["zeromq": "\(BusContext.zeroMQVersion)"])
    }

    // MARK: - What happens

    private func readAll() {
        for subscriber in subscribers { read(subscriber) }
    }

    private func read(_ subscriber: EventSubscriber) {
        let now = now()
        let hasMore = subscriber.receive(at: now.monotonic) { news in
            statistics.hear(news, from: subscriber.shard, at: now)
            for item in news { report(item, of: subscriber.shard) }
        }
        if hasMore { rest?.start(after: 0) }
    }

    private func ticked() {
        // First what waits: after a pause of ours every shard would seem silent.
        readAll()
        let snapshot = statistics.snapshot(at: now())
        publisher.publish(snapshot)
        lifeline.sayBeat()
        reportLiveness(snapshot)
    }

    private func now() -> Statistics.Moment {
        Statistics.Moment(time: WallClock.milliseconds(), monotonic: loop.nanoseconds / 1_000_000)
    }

    private func stop(_ reason: String) {
        guard tick != nil else { return }
        logger.info("stopping: \(reason)")
        ticked()
        tick?.close()
        tick = nil
        rest?.close()
        for watch in watches { watch.close() }
        for signal in signals { signal.close() }
        for subscriber in subscribers { subscriber.close() }
        publisher.close()
        bus.finish()
    }

    // MARK: - What the operator is told

    private func report(_ news: SequenceGate.News, of shard: UInt16) {
        switch news {
        case .events: break
        case .epochBegan: logger.info("shard \(shard): a new stream of events")
        case .liveMiners(_, let miners):
            logger.notice("shard \(shard): taken up in mid-stream with \(miners.count) live miners")
        case .lost(_, let count):
            logger.warning("shard \(shard): \(count) events lost; totals are repaired from its counters")
        }
    }

    private func reportLiveness(_ snapshot: Snapshot) {
        for (index, shard) in snapshot.shards.enumerated() where shard.isLive != wasLive[index] {
            wasLive[index] = shard.isLive
            if shard.isLive {
                logger.info("shard \(shard.shard): heard")
            } else {
                logger.warning("shard \(shard.shard): silent; its miners no longer count as connected")
            }
        }
        let unreadable = subscribers.reduce(0) { $0 + $1.unreadableCount }
        if unreadable > unreadableSeen { logger.warning("\(unreadable - unreadableSeen) unreadable messages") }
        unreadableSeen = unreadable
    }
}
