internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

/// Performs what `Service` decides: starts and signals processes, keeps the time, and tells it what happened.
final class ServiceRun {
    private let loop: Loop
    private let settings: Settings
    private let programs: ChildPrograms
    private let serviceManager: ServiceManager?
    private let log: Logger
    private let startedAt: UInt64
    private let environment: [String]

    private var service: Service
    private var sockets: ShardSockets
    private var children: [ChildName: RunningChild] = [:]
    private var pending: [Order] = []
    private var isPerforming = false
    private var timer: Timer?
    private var signals: [SignalSource] = []
    private var exitCode = ExitCode.stopped

    init(
        on loop: Loop, settings: Settings, sockets: ShardSockets, programs: ChildPrograms,
        serviceManager: ServiceManager?, log: Logger
    ) {
        self.loop = loop
        self.settings = settings
        self.sockets = sockets
        self.programs = programs
        self.serviceManager = serviceManager
        self.log = log
        startedAt = WallClock.milliseconds()
        environment = ServiceRun.childEnvironment(runDirectory: settings.runDirectory)
        let final: [ExitCode] = [.badConfiguration, .badInstallation, .usage]
        service = Service(
            shards: settings.shards, hasGateway: settings.api != nil,
            policy: RestartPolicy(finalExitCodes: final.map(\.rawValue)))
    }

    /// Starts everything and returns when nothing is left of it.
    func untilStopped() throws(SystemFailure) -> ExitCode {
        signals = [
            try SignalSource(on: loop, signal: SIGTERM) { [unowned self] in stop("SIGTERM") },
            try SignalSource(on: loop, signal: SIGINT) { [unowned self] in interrupted() },
            try SignalSource(on: loop, signal: SIGHUP) { [unowned self] in
                log.warning("SIGHUP: reload is not supported yet; nothing changed")
            },
        ]
        // xmrig-proxy lets it pass too; without this it would end us.
        signal(SIGUSR1, SIG_IGN)
        timer = Timer(on: loop) { [unowned self] in perform(service.advance(to: now, jitter: jitter)) }
        perform(service.start(at: now))
        loop.run()
        timer?.close()
        return exitCode
    }

    // MARK: - What the operator wants

    private func stop(_ reason: String) {
        guard !service.isStopping else { return }
        log.notice("\(reason): stopping")
        serviceManager?.sayStopping()
        perform(service.stop(at: now))
    }

    private func interrupted() {
        guard service.isStopping else { return stop("SIGINT") }
        log.warning("SIGINT again: killing what is left")
        perform(service.stopAtOnce(at: now))
    }

    // MARK: - What the core decides

    private func perform(_ orders: [Order]) {
        pending += orders
        // A start that fails has its consequences at once: they wait their turn behind what was decided before.
        guard !isPerforming else { return }
        isPerforming = true
        while !pending.isEmpty {
            switch pending.removeFirst() {
            case .child(let name, .spawn): spawn(name)
            case .child(let name, .send(let signal)): children[name]?.send(signal)
            case .child(let name, .report(let report)): tell(report, of: name)
            case .announce(let announcement): tell(announcement)
            }
        }
        isPerforming = false
        guard let deadline = service.deadline else {
            timer?.stop()
            return
        }
        timer?.start(after: UInt64(max(deadline - now, 0)))
    }

    private func spawn(_ name: ChildName) {
        do throws(SystemFailure) {
            let child = try RunningChild(
                on: loop, executable: programs.path(of: name), name: "\(programs.program(of: name)): \(name)",
                environment: environment, inheritance: inheritance(of: name), sockets: try sockets(of: name)
            ) { [unowned self] news in hear(news, of: name) }
            children[name] = child
            log.debug("\(name): process \(child.processID) started")
        } catch {
            perform(service.handle(.ended(.couldNotStart(error.code)), of: name, at: now, jitter: jitter))
        }
    }

    private func hear(_ news: RunningChild.News, of name: ChildName) {
        switch news {
        case .saidReady:
            perform(service.handle(.saidReady, of: name, at: now))
        case .beat:
            perform(service.handle(.beat, of: name, at: now))
        case .ended(let ending):
            children[name] = nil
            perform(service.handle(.ended(ending), of: name, at: now, jitter: jitter))
        }
    }

    private func tell(_ report: ChildReport, of name: ChildName) {
        log.log(level: report.level, "\(report.text(name: name, processID: children[name]?.processID ?? 0))")
        if case .failed = report, case .shard(let number) = name {
            sockets.close(shard: number)
        }
    }

    private func tell(_ announcement: Announcement) {
        switch announcement {
        case .serving(let shards):
            let text = "ready: \(shards) of \(settings.shards) shards serve"
            log.notice("\(text); miners connect to \(settings.binds.map(\.name).joined(separator: ", "))")
            serviceManager?.sayReady(status: text)
        case .nothingServes(let failure):
            exitCode = failure.exitCode
            log.critical("no shard can serve any more; stopping with exit code \(exitCode.rawValue)")
            serviceManager?.sayStopping()
        case .restarted:
            log.notice("planned restarts done")
        case .restartsHalted(let name):
            log.error("the new process of \(name) has failed; the planned restarts of the others are called off")
        case .stopped:
            log.notice("stopped")
            for source in signals { source.close() }
            loop.stop()
        }
    }

    // MARK: - What a child gets

    private func sockets(of name: ChildName) throws(SystemFailure) -> [Int32] {
        guard case .shard(let number) = name else { return [] }
        do throws(StartFailure) {
            try sockets.open(shard: number)
        } catch {
            log.error("\(name): \(error.message)")
            throw SystemFailure(code: -EADDRINUSE)
        }
        return sockets.descriptors(of: number)
    }

    private func inheritance(of name: ChildName) -> Inheritance {
        var shard: Int?
        if case .shard(let number) = name { shard = number }
        return Inheritance(
            settings: settings, shard: shard, socketCount: shard.map { sockets.descriptors(of: $0).count } ?? 0,
            logsJSON: settings.logFormat == .json, serviceStartedAt: startedAt)
    }

    /// Ours, and two more: a crashing shard shall be gone and replaced, not held up by a backtrace of its last moment;
    /// and a mark by which a successor knows it.
    private static func childEnvironment(runDirectory: String) -> [String] {
        var entries: [String] = []
        var entry = environ
        while let text = entry.pointee {
            entries.append(String(cString: text))
            entry += 1
        }
        let ours = ["SWIFT_BACKTRACE", Leftovers.mark]
        entries.removeAll { entry in ours.contains { entry.hasPrefix($0 + "=") } }
        return entries + ["SWIFT_BACKTRACE=enable=no", "\(Leftovers.mark)=\(runDirectory)"]
    }

    // MARK: - Time and chance

    /// Monotonic milliseconds.
    private var now: Int64 { Int64(loop.nanoseconds / 1_000_000) }

    private var jitter: Double { Double.random(in: 0..<1) }
}
