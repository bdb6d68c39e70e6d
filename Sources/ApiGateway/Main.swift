internal import Archive
internal import CMicrohttpd
internal import CZlib
internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import EventBus
internal import Glibc
internal import Linux
internal import Logging
internal import Peers

/// millrace-gateway: serves the collector's latest snapshot over HTTP, and holds no truth of its own.
@main
enum Main {
    static func main() {
        Allocator.returnFreedMemory()
        let launchContext = LaunchContext.inherited(program: "millrace-gateway") {
            [
                "libmicrohttpd \(httpLibraryVersion)", "libzmq \(BusContext.zeroMQVersion)",
                "sqlite \(Archive.sqliteVersion)", "zlib \(String(cString: zlibVersion()))",
            ]
        }
        let settings = launchContext.settings
        LogOutput.start(
            process: "gateway", format: launchContext.logsJSON ? .json : .text,
            level: settings.isVerbose ? .debug : .info, colors: settings.usesColors, file: settings.logFile,
            secrets: settings.secrets)
        let log = Logger(label: "gateway")
        leaveOnSignals()

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
                settings: settings, api: api, identity: identity(of: api),
                readMachine: { Machine.read(supervisor: supervisor) }, refusedTokens: { router.refusedTokens },
                readPeers: { peers.map { PeerFacts.read($0, at: UInt64(Clock.monotonicMicros)) } }))
        let control = ControlClient(runDirectory: settings.runDirectory)
        let history = HistoryAnswers(HistoryReader(path: settings.database), log: log)
        let ring = EventRing()
        let streams = EventStreams(ring: ring)
        let handler = RequestHandler(
            pages: pages, router: router,
            actions: Actions(supervisor: control, history: history, limits: limits), streamSource: streams,
            limits: limits, log: log)
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
                api: api, pages: pages, handler: handler, subscriber: subscriber, feed: feed, streams: streams,
                supervisor: StatusPoller(of: control, limits: limits),
                lifeline: Lifeline(descriptor: Lifeline.inheritedDescriptor), limits: limits, log: log)
            gateway.run()
            log.info("stopped")
            ExitCode.stopped.exit()
        } catch {
            log.critical("cannot connect to the collector: \(error)")
            ExitCode.failed.exit()
        }
    }

    /// A signal to leave cuts the lifeline from our side, so that there is one way to leave, and the main thread
    /// wakes up for it wherever the signal arrived. (`shutdown` may be called in a signal handler.)
    private static func leaveOnSignals() {
        let cut: @convention(c) (Int32) -> Void = { _ in _ = shutdown(Lifeline.inheritedDescriptor, Int32(SHUT_RD)) }
        _ = signal(SIGTERM, cut)
        _ = signal(SIGINT, cut)
        _ = signal(SIGPIPE, SIG_IGN)  // a reader of our log that goes away must not take us along
    }

    private static var httpLibraryVersion: String { MHD_get_version().map { String(cString: $0) } ?? "" }

    private static func identity(of api: Settings.API) -> Identity {
        let version = BuildInformation.version
        let userAgent =
            "millrace/\(version) (\(BuildInformation.platform)) libmicrohttpd/\(httpLibraryVersion) \(BuildInformation.compiler)"
        return Identity(
            api: api, machine: Machine.fingerprint, hostName: Machine.hostName, version: version,
            userAgent: userAgent)
    }
}
