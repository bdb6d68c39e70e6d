internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventBus
internal import Glibc
internal import Logging
internal import Telemetry

/// The life of the gateway on its main thread: take snapshots from the collector, keep the port served, send heartbeats, leave
/// when the supervisor lets go. Requests are answered by the server's own threads and never reach this one.
struct Gateway: ~Copyable {
    /// Between two heartbeats; also how old the uptime on a page can get.
    private static let beatMillis: Int64 = 1_000

    private let api: Settings.API
    private let limits: GatewayLimits
    private let log: Logger
    private let pages: DocumentCache
    private let handler: RequestHandler
    private let subscriber: SnapshotSubscriber
    private let feed: Feed
    private let streams: EventStreams
    private let supervisor: StatusPoller
    private var lifeline: Lifeline

    private var server: HTTPServer?
    private var retry = BindRetry()
    private var lastFailure: ListeningFailure?
    private var hasWarnedOfUnreadable = false

    init(
        api: Settings.API, pages: DocumentCache, handler: RequestHandler, subscriber: SnapshotSubscriber,
        feed: Feed, streams: EventStreams, supervisor: StatusPoller, lifeline: consuming Lifeline,
        limits: GatewayLimits, log: Logger
    ) {
        self.api = api
        self.pages = pages
        self.handler = handler
        self.subscriber = subscriber
        self.feed = feed
        self.streams = streams
        self.supervisor = supervisor
        self.lifeline = lifeline
        self.limits = limits
        self.log = log
    }

    /// Returns when the process shall end; the server is stopped then.
    mutating func run() {
        pages.advance(to: WallClock.milliseconds())
        feed.start()
        serveIfDue()
        // Also when the port is taken: a gateway that waits for its port is healthy, and killing it frees nothing.
        lifeline.say(.ready)
        var nextBeat = Clock.monotonicMillis
        while true {
            let now = Clock.monotonicMillis
            if now >= nextBeat {
                tick(at: now)
                nextBeat = now + Gateway.beatMillis
            }
            let wait = Int(nextBeat - now)
            switch subscriber.wait(orDescriptor: lifeline.descriptor, timeoutMilliseconds: wait) {
            case .snapshot(let snapshot): take(snapshot)
            case .unreadable(let failure): warn(of: "\(failure)")
            case .descriptorReadable: if lifeline.isCut() { return leave() }
            case .timedOut: break
            }
        }
    }

    private mutating func tick(at now: Int64) {
        lifeline.sayHeartbeat()
        pages.advance(to: WallClock.milliseconds())
        supervisor.ask(at: now, for: pages)
        server?.look(at: now)
        serveIfDue()
    }

    private mutating func take(_ snapshot: Snapshot) {
        hasWarnedOfUnreadable = false
        pages.publish(snapshot)
        streams.publish(FeedSummary(of: snapshot))
    }

    private mutating func warn(of failure: String) {
        if !hasWarnedOfUnreadable { log.warning("cannot decode a snapshot of the collector: \(failure)") }
        hasWarnedOfUnreadable = true
    }

    private mutating func serveIfDue() {
        let now = Clock.monotonicMillis
        guard server == nil, retry.isDue(at: now) else { return }
        do throws(ListeningFailure) {
            let listener = try APIListener.open(host: api.host, port: api.port, backlog: limits.backlog)
            let port = APIListener.port(of: listener)
            server = try HTTPServer(listener: listener, handler: handler, limits: limits)
            log.notice("API on \(APIListener.url(host: api.host, port: port))")
            Degradation.set("API", nil)
        } catch {
            let pause = retry.failed(at: now)
            Degradation.set("API", "\(APIListener.url(host: api.host, port: api.port)) cannot be served: \(error)")
            // Once per reason, not once per attempt.
            guard error != lastFailure else { return }
            lastFailure = error
            let url = APIListener.url(host: api.host, port: api.port)
            log.error("cannot serve \(url) (\(error)); trying again in \(pause / 1000) s; mining is not affected")
        }
    }

    private mutating func leave() {
        server?.stop(drainMillis: limits.drainMillis)
        server = nil
        feed.stop()
    }
}
