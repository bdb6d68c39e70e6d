internal import DaemonKit
internal import EventBus
internal import Glibc
internal import Logging
internal import Telemetry

/// Follows the collector's stream of events on a thread of its own, and makes of it the table of miners and the events
/// for clients. Neither the requests nor the snapshots wait for it, nor it for them.
final class Feed {
    private let loop: FeedLoop
    private var thread: pthread_t?

    /// - Parameters:
    ///   - publish: gets all miners, in the order of their ids, when they have changed; at most once a second.
    ///   - wake: there is something new in the ring.
    init(
        runDirectory: String, ring: EventRing, publish: @escaping @Sendable ([MinerRow]) -> Void,
        wake: @escaping @Sendable () -> Void, log: Logger
    ) {
        loop = FeedLoop(runDirectory: runDirectory, ring: ring, publish: publish, wake: wake, log: log)
    }

    deinit { stop() }

    func start() {
        precondition(thread == nil, "started twice")
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                // The loop is kept by the feed, which waits for this thread before it goes.
                Unmanaged<FeedLoop>.fromOpaque(context!).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(loop).toOpaque())
        guard result == 0 else {
            return loop.giveUp("cannot start the thread that reads events: \(String(cString: strerror(result)))")
        }
        self.thread = thread
    }

    /// Returns when the thread has ended; the work of one turn at most.
    func stop() {
        guard let thread else { return }
        self.thread = nil
        loop.askToStop()
        pthread_join(thread, nil)
    }
}

/// What the feed's thread does.
private final class FeedLoop {
    /// Rows are published at most this often; the stream is looked after at least this often.
    private static let tickMillis: Int64 = 1_000
    /// Clients are woken at most this often: nobody sees the difference, and waking one takes longer than to write the
    /// event that it is for. (Measured at a thousand shares a second: 20 clients cost 0.6 % of a processor together, 60
    /// cost 1.7 %.)
    private static let wakeMillis: Int64 = 100

    private let runDirectory: String
    private let publish: @Sendable ([MinerRow]) -> Void
    private let wake: @Sendable () -> Void
    private let log: Logger
    private let ring: EventRing
    /// A pipe: the thread reads its end when the other end is closed.
    private let stopDescriptor: Int32
    private var stopSender: Int32

    init(
        runDirectory: String, ring: EventRing, publish: @escaping @Sendable ([MinerRow]) -> Void,
        wake: @escaping @Sendable () -> Void, log: Logger
    ) {
        self.runDirectory = runDirectory
        self.ring = ring
        self.publish = publish
        self.wake = wake
        self.log = log
        var ends: [Int32] = [-1, -1]
        let result = pipe(&ends)
        (stopDescriptor, stopSender) = (ends[0], ends[1])
        if result != 0 {
            giveUp("cannot create a pipe for the thread that reads events: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        askToStop()
        close(stopDescriptor)
    }

    func askToStop() {
        if stopSender >= 0 { close(stopSender) }
        stopSender = -1
    }

    /// The supervisor starts another gateway, after a pause.
    func giveUp(_ reason: String) {
        log.critical("\(reason)")
        ExitCode.failed.exit()
    }

    func run() {
        do throws(BusFailure) {
            let context = try BusContext()
            let subscriber = try EventSubscriber(context, runDirectory: runDirectory, source: .collector)
            follow(subscriber)
            subscriber.close()
        } catch {
            giveUp("cannot subscribe to the collector's events: \(error)")
        }
    }

    private func follow(_ subscriber: EventSubscriber) {
        var fold = FeedFold(ring: ring)
        var unreadableCount: UInt64 = 0
        var (nextTick, nextWake, wokenFor) = (Int64.min, Int64.min, ring.end)
        var polled = (subscriber.descriptors + [stopDescriptor]).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        while true {
            let now = Clock.monotonicMillis
            let hasMore = subscriber.receive(
                at: UInt64(now), gauges: { fold.take($0.miners) },
                handle: { fold.take($0, position: subscriber.position) })
            ring.note(position: subscriber.position, isCaughtUp: !subscriber.isBehind)
            if now >= nextTick {
                // While the table is being told anew the one of before is better.
                if fold.miners.hasChanged, !subscriber.isBehind { publish(fold.takeRows()) }
                if unreadableCount == 0, subscriber.unreadableCount > 0 {
                    log.warning(
                        "cannot decode events of the collector; it is probably of another version: run millrace upgrade"
                    )
                }
                unreadableCount = subscriber.unreadableCount
                nextTick = now + FeedLoop.tickMillis
            }
            let end = ring.end
            if end != wokenFor, now >= nextWake {
                wake()
                wokenFor = end
                nextWake = now + FeedLoop.wakeMillis
            }
            let next = end == wokenFor ? nextTick : min(nextTick, nextWake)
            poll(&polled, nfds_t(polled.count), hasMore ? 0 : Int32(clamping: next - now))
            if polled[polled.count - 1].revents != 0 { return }
        }
    }
}
