internal import ApiDocuments
internal import DaemonKit
internal import EventBus
internal import Glibc
internal import HTTPServing
internal import Linux
internal import Logging
internal import Telemetry

/// The thread of a `Feed`.
final class FeedLoop {
    /// Milliseconds between two publications of the rows, and the longest wait for events.
    private static let tickMillis: Int64 = 1_000
    /// Milliseconds between two wakes of the clients: waking one takes longer than writing an event. Measured at 1,000
    /// shares a second: 20 clients cost 0.6 % of a processor together, 60 cost 1.7 %.
    private static let wakeMillis: Int64 = 100

    private let runDirectory: String
    private let publish: @Sendable ([MinerRow]) -> Void
    private let wake: @Sendable () -> Void
    private let log: Logger
    private let ring: EventRing
    /// A pipe: the thread ends when the other end is closed.
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

    /// Makes `run` return.
    func askToStop() {
        if stopSender >= 0 { close(stopSender) }
        stopSender = -1
    }

    /// Logs the reason and exits. The supervisor starts another gateway after a pause.
    func giveUp(_ reason: String) {
        log.critical("\(reason)")
        ExitCode.failed.exit()
    }

    /// Follows the stream until `askToStop`.
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
            let now = MonotonicClock.milliseconds
            let hasMore = subscriber.receive(
                at: UInt64(now), gauges: { fold.update($0.miners) },
                handle: { fold.apply($0, position: subscriber.position) })
            // Messages that wait may continue the stream: what is missing until then is not lost.
            ring.setProgress(position: subscriber.position, isCaughtUp: !hasMore && !subscriber.isBehind)
            if now >= nextTick {
                // While the table is incomplete, the previous one is shown.
                if fold.miners.hasChanged, !subscriber.isBehind { publish(fold.currentRows()) }
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
