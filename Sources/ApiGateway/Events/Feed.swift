internal import ApiDocuments
internal import Glibc
internal import Logging

/// Follows the collector's stream of events on a thread of its own, and keeps the table of miners and the events for
/// clients. It does not delay requests or snapshots, and they do not delay it.
final class Feed {
    private let loop: FeedLoop
    private var thread: pthread_t?

    /// - Parameters:
    ///   - publish: called with all miners, in the order of their ids, when they have changed; at most once a second.
    ///   - wake: called when the ring has new events.
    init(
        runDirectory: String, ring: EventRing, publish: @escaping @Sendable ([MinerRow]) -> Void,
        wake: @escaping @Sendable () -> Void, log: Logger
    ) {
        loop = FeedLoop(runDirectory: runDirectory, ring: ring, publish: publish, wake: wake, log: log)
    }

    deinit { stop() }

    /// Starts the thread. Exits the process if it cannot.
    func start() {
        precondition(thread == nil, "started twice")
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                // The feed owns the loop, and joins this thread before it is released.
                Unmanaged<FeedLoop>.fromOpaque(context!).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(loop).toOpaque())
        guard result == 0 else {
            return loop.giveUp("cannot start the thread that reads events: \(String(cString: strerror(result)))")
        }
        self.thread = thread
    }

    /// Waits until the thread has ended, at most one turn of the loop.
    func stop() {
        guard let thread else { return }
        self.thread = nil
        loop.askToStop()
        pthread_join(thread, nil)
    }
}
