internal import Addresses
internal import ApiDocuments
internal import Certificates
internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventBus
internal import Glibc
internal import HTTPServing
internal import Linux
internal import Logging
internal import Telemetry

/// The main thread of the gateway: receives snapshots from the collector, keeps the port served, sends heartbeats, and
/// stops when the supervisor closes the lifeline. Requests are answered by the server's own threads.
struct Gateway: ~Copyable {
    /// Milliseconds between two heartbeats. Also the resolution of the uptime on pages.
    private static let heartbeatMillis: Int64 = 1_000

    private let api: Settings.API
    private let limits: GatewayLimits
    private let log: Logger
    private let router: Router
    private let pages: DocumentCache
    private let handler: RequestHandler
    private let subscriber: SnapshotSubscriber
    private let feed: Feed
    private let streams: EventStreams
    private let supervisor: StatusPoller
    private var lifeline: Lifeline

    private let certificate: ServerCertificate
    private var server: HTTPServer?
    private var retry = BindRetry()
    private var lastFailure: ListeningFailure?
    private var hasWarnedOfUnreadable = false

    init(
        api: Settings.API, router: Router, pages: DocumentCache, handler: RequestHandler,
        subscriber: SnapshotSubscriber, feed: Feed, streams: EventStreams, supervisor: StatusPoller,
        certificate: ServerCertificate, lifeline: consuming Lifeline, limits: GatewayLimits, log: Logger
    ) {
        self.api = api
        self.router = router
        self.pages = pages
        self.handler = handler
        self.subscriber = subscriber
        self.feed = feed
        self.streams = streams
        self.supervisor = supervisor
        self.certificate = certificate
        self.lifeline = lifeline
        self.limits = limits
        self.log = log
    }

    /// Returns when the process must exit; the server is stopped then.
    mutating func run() {
        pages.advance(to: WallClock.milliseconds())
        feed.start()
        serveIfDue()
        // Also if the port is in use: a gateway that waits for its port is healthy, and a restart would not free it.
        lifeline.say(.ready)
        var nextHeartbeat = MonotonicClock.milliseconds
        while true {
            let now = MonotonicClock.milliseconds
            if now >= nextHeartbeat {
                tick(at: now)
                nextHeartbeat = now + Gateway.heartbeatMillis
            }
            let wait = Int(nextHeartbeat - now)
            switch subscriber.wait(orDescriptor: lifeline.descriptor, timeoutMilliseconds: wait) {
            case .snapshot(let snapshot): publish(snapshot)
            case .unreadable(let failure): warn(of: "\(failure)")
            case .descriptorReadable: if lifeline.isCut() { return stop() }
            case .timedOut: break
            }
        }
    }

    private mutating func tick(at now: Int64) {
        lifeline.sayHeartbeat()
        pages.advance(to: WallClock.milliseconds())
        supervisor.ask(at: now, for: pages)
        server?.enforceDeadlines(at: now)
        if certificate.reload() { server?.use(certificate.context) }
        if let report = router.reportGuesses(at: now) { warn(of: report) }
        serveIfDue()
    }

    private mutating func publish(_ snapshot: Snapshot) {
        hasWarnedOfUnreadable = false
        pages.publish(snapshot)
        streams.publish(FeedSummary(of: snapshot))
    }

    private mutating func warn(of failure: String) {
        if !hasWarnedOfUnreadable { log.warning("cannot decode a snapshot of the collector: \(failure)") }
        hasWarnedOfUnreadable = true
    }

    private func warn(of report: TokenGuesses.Report) {
        let others = report.addresses - 1
        let more = others > 0 ? ", \(report.count - report.most) more from \(others) other" : ""
        log.warning(
            """
            \(counted(report.most, "request")) with a wrong API token from \(report.address.text)\(more): correct the \
            token of that client, or block its address
            """)
    }

    private mutating func serveIfDue() {
        let now = MonotonicClock.milliseconds
        guard server == nil, retry.isDue(at: now) else { return }
        do throws(ListeningFailure) {
            let listener = try HTTPListener.open(host: api.host, port: api.port, backlog: limits.http.backlog)
            let port = HTTPListener.port(of: listener)
            let context = certificate.context
            server = try HTTPServer(
                listener: listener, handler: handler, limits: limits.http, context: context, log: log)
            let url = HTTPListener.url(host: api.host, port: port)
            log.notice("API on \(context == nil ? url : url + " (also https)")")
            Degradation.set("API", nil)
        } catch {
            let pause = retry.failed(at: now)
            let url = HTTPListener.url(host: api.host, port: api.port)
            Degradation.set("API", "\(url) cannot be served: \(error)")
            // Once for each reason, not for each attempt.
            guard error != lastFailure else { return }
            lastFailure = error
            log.error("cannot serve \(url) (\(error)); trying again in \(pause / 1000) s; mining is not affected")
        }
    }

    private mutating func stop() {
        server?.stop(drainMillis: limits.http.drainMillis)
        server = nil
        feed.stop()
    }
}
