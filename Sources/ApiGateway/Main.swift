internal import ApiDocuments
internal import Archive
internal import Certificates
internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import EventBus
internal import Glibc
internal import HTTPServing
internal import Linux
internal import Logging
internal import Peers
internal import TLSHandshake

/// millrace-gateway: serves the state of the service over HTTP. It owns no statistics.
@main
enum Main {
    static func main() {
        // Before anything else uses OpenSSL.
        _ = OpenSSLMemory.wipeWhenFreed()
        let launchContext = ChildProgram.gateway.begin {
            [
                "libmicrohttpd \(HTTPServer.libraryVersion)", "libzmq \(BusContext.zeroMQVersion)",
                "sqlite \(Archive.sqliteVersion)", "zlib \(ContentCoding.zlibVersion)",
            ]
        }
        let settings = launchContext.settings
        let log = Logger(label: "gateway")
        stopOnSignals()

        guard let api = settings.api else {
            log.error("the settings contain no API; stopping")
            ExitCode.badConfiguration.exit()
        }
        let limits = GatewayLimits()
        let supervisor = getppid()
        let router = Router(api: api, hostName: Machine.hostName)
        let peers = launchContext.peers.flatMap { PeerTable(descriptor: $0) }
        let pages = DocumentCache(
            serviceStartedAt: launchContext.serviceStartedAt, limits: limits,
            documents: ServiceDocuments(
                settings: settings, api: api, identity: identity(of: api, mode: settings.mode),
                readMachine: { Machine.read(supervisor: supervisor) },
                readRefusedTokens: { RefusedTokens(router.refusedTokens) },
                readPeers: { peers.map { PeerFacts.read($0, at: UInt64(MonotonicClock.microseconds)) } }))
        let control = ControlClient(runDirectory: settings.runDirectory)
        let history = HistoryAnswers(HistoryReader(path: settings.database), log: log)
        let ring = EventRing()
        let streams = EventStreams(ring: ring)
        let application = Api(
            pages: pages, router: router,
            actions: Actions(supervisor: control, history: history, limits: limits), streamSource: streams,
            limits: limits)
        let handler = application.flatMap { RequestHandler(application: $0, limits: limits.http, log: log) }
        guard let handler else {
            log.critical("out of memory")
            ExitCode.failed.exit()
        }
        do {
            let subscriber = try SnapshotSubscriber(BusContext(), runDirectory: settings.runDirectory)
            let feed = Feed(
                runDirectory: settings.runDirectory, ring: ring, publish: { pages.publish(miners: $0) },
                wake: { streams.wakeAll() }, log: log)
            var gateway = Gateway(
                api: api, router: router, pages: pages, handler: handler, subscriber: subscriber, feed: feed,
                streams: streams, supervisor: StatusPoller(of: control, limits: limits),
                certificate: ServerCertificate(
                    settings.tls, for: "clients of the API", keepsOpenSSL: true, reports: false, log: log),
                lifeline: Lifeline(descriptor: Lifeline.inheritedDescriptor), limits: limits, log: log)
            gateway.run()
            log.info("stopped")
            ExitCode.stopped.exit()
        } catch {
            log.critical("cannot connect to the collector: \(error)")
            ExitCode.failed.exit()
        }
    }

    /// A signal cuts the lifeline from this side, so that there is one way to stop, and the main thread wakes up
    /// whichever thread got the signal. (`shutdown` may be called in a signal handler.)
    private static func stopOnSignals() {
        let cut: @convention(c) (Int32) -> Void = { _ in _ = shutdown(Lifeline.inheritedDescriptor, Int32(SHUT_RD)) }
        _ = signal(SIGTERM, cut)
        _ = signal(SIGINT, cut)
        _ = signal(SIGPIPE, SIG_IGN)  // the reader of the log may exit before this process
    }

    private static func identity(of api: Settings.API, mode: Settings.Mode) -> Identity {
        let version = BuildInformation.version
        let library = "libmicrohttpd/\(HTTPServer.libraryVersion)"
        var identity = Identity(
            api: api, machine: Machine.fingerprint, hostName: Machine.hostName, version: version,
            userAgent: "millrace/\(version) (\(BuildInformation.platform)) \(library) \(BuildInformation.compiler)")
        identity.mode = mode
        return identity
    }
}

extension RefusedTokens {
    fileprivate init(_ counts: TokenGuesses.Counts) {
        self.init(missing: counts.missing, wrong: counts.wrong, throttled: counts.throttled)
    }
}
