internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

/// Performs what `Service` decides: starts and signals processes, keeps the time, and tells it what happened.
final class ServiceRun {
    let loop: Loop
    let serviceManager: ServiceManager?
    let log: Logger
    let startedAt: UInt64
    private let programs: ChildPrograms
    let environment: [String]
    /// Where the program of the next upgrade will be.
    let executable: String
    let runDirectory: RunDirectory
    let addresses: AddressBook
    /// Descriptors that are not ours, and stay open as long as this process lives.
    let strangers: [Int32]

    var configuration: RunningConfiguration
    var service: Service
    var children: [ChildName: RunningChild] = [:]
    /// Those that stand beside the process whose place they are to take.
    var successors: [ChildName: RunningChild] = [:]
    /// Which shard was asked to absorb which other one, by the latter.
    var receivers: [ChildName: ChildName] = [:]
    /// Successors that were not needed, until the system has buried them.
    var dismissed: [RunningChild] = []
    /// What the program before has left, until it is taken up.
    private var inherited: ServiceHandoff?
    var sockets: ShardSockets
    /// What of each shard outlives its process.
    var successions: [Int: ShardSuccession] = [:]
    private var pending: [Order] = []
    private var isPerforming = false
    private var exitCode = ExitCode.stopped
    /// The place at which the last planned restarts came to a halt.
    var restartHaltedAt: ChildName?
    private var restartRound: RestartRound?
    var rebalancing: RebalanceRound?
    var upgrade: UpgradeStatus?
    var trial: UpgradeTrial?
    /// The version of the program that this one becomes when no hand-over is under way.
    var isToBecome: String?

    private var timer: Timer?
    private var signals: [SignalSource] = []
    private(set) var server: ControlServer?
    var watcher: FileWatcher?
    private var reaper: OrphanReaper?
    private var watchdog: Timer?
    /// Looks after the run directory.
    var caretaker: Timer?

    /// - Parameter inherited: what the program that this process executed before has left; nil = nothing runs yet.
    init(
        on loop: Loop, configuration: RunningConfiguration, sockets: ShardSockets, programs: ChildPrograms,
        executable: String, runDirectory: RunDirectory, strangers: [Int32], inherited: ServiceHandoff?,
        serviceManager: ServiceManager?, log: Logger
    ) {
        self.loop = loop
        self.configuration = configuration
        self.sockets = sockets
        self.programs = programs
        self.serviceManager = serviceManager
        self.log = log
        self.executable = executable
        self.runDirectory = runDirectory
        self.strangers = strangers
        self.inherited = inherited
        addresses = AddressBook(on: loop, inherited: inherited?.peers, log: log)
        startedAt = inherited?.startedAt ?? WallClock.milliseconds()
        let settings = configuration.settings
        environment = ServiceRun.childEnvironment(runDirectory: settings.runDirectory)
        let final: [ExitCode] = [.badConfiguration, .badInstallation, .usage]
        let policy = RestartPolicy(finalExitCodes: final.map(\.rawValue))
        service =
            inherited.map { Service(resuming: $0.service, policy: policy) }
            ?? Service(shards: settings.shards, hasGateway: settings.api != nil, policy: policy)
    }

    /// Starts everything, or goes on with it, and returns when nothing is left of it.
    func untilStopped() throws(SystemFailure) -> ExitCode {
        signals = [
            try SignalSource(on: loop, signal: SIGTERM) { [unowned self] in stop("SIGTERM") },
            try SignalSource(on: loop, signal: SIGINT) { [unowned self] in interrupted() },
            try SignalSource(on: loop, signal: SIGHUP) { [unowned self] in hangUp() },
        ]
        addresses.adopt(settings.limits)
        server = try ControlServer(on: loop, runDirectory: settings.runDirectory) { [unowned self] in answer($0) }
        reaper = try OrphanReaper(on: loop) { [unowned self] process in
            process == trial?.processID || children.values.contains { $0.processID == process }
                || successors.values.contains { $0.processID == process }
        }
        keepWatchdogQuiet()
        keepRunDirectory()
        watchFile()
        timer = Timer(on: loop) { [unowned self] in perform(service.advance(to: now, jitter: jitter)) }
        if let inherited {
            self.inherited = nil
            goOn(with: inherited)
        } else {
            perform(service.start(at: now))
        }
        // Whoever wished to say something to us while we became another program is heard now.
        loop.letSignalsIn()
        loop.run()
        timer?.close()
        return exitCode
    }

    /// What is in force, with the addresses that miners connect to and the number of shards that there are.
    var settings: Settings {
        var settings = configuration.settings
        settings.binds = sockets.binds
        settings.shards = sockets.shards
        return settings
    }

    private func keepWatchdogQuiet() {
        guard let serviceManager, let millis = serviceManager.watchdogMillis else { return }
        let watchdog = Timer(on: loop) { serviceManager.sayAlive() }
        watchdog.unreference()
        watchdog.start(after: 0, repeating: max(millis / 2, 1))
        self.watchdog = watchdog
    }

    // MARK: - What the operator wants

    func stop(_ reason: String) {
        guard !service.isStopping else { return }
        log.notice("\(reason): stopping")
        serviceManager?.sayStopping()
        perform(service.stop(at: now))
    }

    private func interrupted() {
        guard service.isStopping else { return stop("SIGINT") }
        log.warning("second SIGINT: sending SIGKILL to all processes")
        perform(service.stopAtOnce(at: now))
    }

    // MARK: - What the core decides

    func perform(_ orders: [Order]) {
        pending += orders
        // A start that fails has its consequences at once: they wait their turn behind what was decided before.
        guard !isPerforming else { return }
        isPerforming = true
        while !pending.isEmpty {
            switch pending.removeFirst() {
            case .child(let name, .spawn): spawn(name)
            case .child(let name, .send(let signal)): children[name]?.send(signal)
            case .child(let name, .successor(let action)): perform(action, of: name)
            case .child(let name, .requestMerge): give(name)
            case .child(let name, .release): release(name)
            case .child(let name, .report(let report)): tell(report, of: name)
            case .announce(let announcement): tell(announcement)
            }
        }
        isPerforming = false
        executeIfPossible()
        guard let deadline = service.deadline else {
            timer?.stop()
            return
        }
        timer?.start(after: UInt64(max(deadline - now, 0)))
    }

    private func spawn(_ name: ChildName) {
        do throws(SystemFailure) {
            // One that is to hand over events only waits for that word, and touches nothing before.
            children[name] = try start(name, standsBeside: succession(of: name)?.isAbsorbed == true)
            considerHandOver()
        } catch {
            perform(service.handle(.ended(.couldNotStart(error.code)), of: name, at: now, jitter: jitter))
        }
    }

    /// Where connections end with their process, a successor beside it would be of no use.
    func considerHandOver() {
        service.shardsHandOver =
            settings.keepsConnections && service.shards.allSatisfy { children[$0]?.hasSuccession ?? true }
    }

    private func start(_ name: ChildName, standsBeside: Bool) throws(SystemFailure) -> RunningChild {
        let sockets = try sockets(of: name)
        let firstDescriptor = LaunchContext.firstSocketDescriptor + Int32(sockets.count)
        let installed = programs.path(of: name)
        let handed = try succession(of: name)?.next(
            firstDescriptor: firstDescriptor, standsBeside: standsBeside, installed: installed)
        defer { if let handed { close(handed.theirs) } }
        do throws(SystemFailure) {
            let child = try RunningChild(
                on: loop, executable: handed?.executable ?? installed, name: "\(programs.program(of: name)): \(name)",
                environment: environment,
                launchContext: launchContext(
                    of: name, handed?.succession, peers: firstDescriptor + Int32(handed?.descriptors.count ?? 0)),
                sockets: sockets + (handed?.descriptors ?? []) + peers(of: name)
            ) { [unowned self] child, news in hear(news, from: child, in: name) }
            log.debug("\(name): process \(child.processID) started")
            return child
        } catch {
            succession(of: name)?.dismissNewest()
            throw error
        }
    }

    private func perform(_ action: SuccessorAction, of name: ChildName) {
        switch action {
        case .spawn:
            do throws(SystemFailure) {
                successors[name] = try start(name, standsBeside: true)
            } catch {
                let ending = ExitReason.couldNotStart(error.code)
                perform(service.handle(.handover(.successorEnded(ending)), of: name, at: now, jitter: jitter))
            }
        case .adopt:
            successors[name]?.say(.adopt)
        case .promote:
            children[name] = successors.removeValue(forKey: name)
        case .dismiss:
            guard let successor = successors.removeValue(forKey: name) else { return }
            successor.send(.kill)
            dismissed.append(successor)
            succession(of: name)?.dismissNewest()
        }
    }

    /// nil for processes that have no connections of miners.
    func succession(of name: ChildName) -> ShardSuccession? {
        guard case .shard(let number) = name else { return nil }
        guard settings.keepsConnections else {
            // What was kept until the switch was turned off is let go.
            successions[number] = nil
            return nil
        }
        let succession = successions[number] ?? ShardSuccession(name: "\(name)")
        successions[number] = succession
        return succession
    }

    func hear(_ news: RunningChild.Event, from child: RunningChild, in name: ChildName) {
        if child === successors[name] {
            hear(news, fromSuccessorIn: name)
        } else if child === children[name] {
            hear(news, fromChildIn: name)
        } else if case .ended = news {
            dismissed.removeAll { $0 === child }
        }
    }

    private func hear(_ news: RunningChild.Event, fromSuccessorIn name: ChildName) {
        switch news {
        case .handover(let event):
            perform(service.handle(.handover(event), of: name, at: now))
        case .ended(let ending):
            perform(service.handle(.handover(.successorEnded(ending)), of: name, at: now))
        case .saidReady, .heartbeat, .absorbed: break  // not before its turn
        }
    }

    private func hear(_ news: RunningChild.Event, fromChildIn name: ChildName) {
        switch news {
        case .saidReady:
            // Also one that only hands over events: while the dead process's place on the bus is anchored, nobody hears it.
            succession(of: name)?.tookOver()
            perform(service.handle(.saidReady, of: name, at: now))
            giveAgain(to: name)
        case .heartbeat:
            perform(service.handle(.heartbeat, of: name, at: now))
            goOnRebalancing(heard: name)
        case .handover(let event):
            perform(service.handle(.handover(event), of: name, at: now))
        case .absorbed(let answer):
            hear(answer, by: name)
        case .ended(let ending):
            children[name] = nil
            if service.isStopping, case .shard(let number) = name {
                successions[number] = nil  // no process comes that could continue
            } else if succession(of: name)?.processEnded() == false {
                log.error(
                    """
                    \(name) keeps crashing while restoring its saved state; discarding that state, its miners will \
                    reconnect
                    """
                )
            }
            perform(service.handle(.ended(ending), of: name, at: now, jitter: jitter))
        }
    }

    private func tell(_ report: ChildReport, of name: ChildName) {
        log.log(level: report.level, "\(report.text(name: name, processID: children[name]?.processID ?? 0))")
        if report == .handingOver || report == .replacing {
            restartRound = restartRound ?? RestartRound(at: now)
            restartRound?.begin(name)
        }
        if case .failed = report, case .shard(let number) = name {
            sockets.close(shard: number)
            successions[number]?.giveUp()
            addresses.forget(shard: number)
            giveToAnother(than: name)
        }
        tellShards(report, of: name)
    }

    private func tell(_ announcement: Announcement) {
        switch announcement {
        case .serving(let shards):
            let text = readiness(of: shards)
            log.notice("\(text); miners connect to \(sockets.binds.map(\.name).joined(separator: ", "))")
            serviceManager?.sayReady(status: text)
        case .nothingServes(let failure):
            exitCode = failure.exitCode
            log.critical("every shard has failed; stopping with exit code \(exitCode.rawValue)")
            serviceManager?.sayStopping()
        case .restarted:
            log.notice("planned restarts done\(restartRound.map { ": \($0.summary(at: now))" } ?? "")")
            restartRound = nil
            leaveFormerAddresses()
            if upgrade?.phase == .replacing { upgrade?.phase = .done }
            serviceManager?.sayReady(status: readiness)
        case .restartsHalted(let name):
            restartHaltedAt = name
            restartRound = nil
            if upgrade?.phase == .replacing { upgrade?.phase = .halted }
            log.error("the new process of \(name) failed; the remaining planned restarts are cancelled")
            serviceManager?.sayReady(status: readiness)
        case .grown(let count): grow(to: count)
        case .shrunk(let count): shrink(to: count)
        case .scaled(let count): log.notice("scaled to \(counted(count, "shard"))")
        case .stopped:
            log.notice("stopped")
            for source in signals { source.close() }
            server?.close()
            watcher?.close()
            reaper?.close()
            watchdog?.close()
            caretaker?.close()
            addresses.close()
            trial?.cancel()
            successions = [:]
            loop.stop()
        }
    }

    // MARK: - Time and chance

    /// One line for `systemctl status`.
    var readiness: String { readiness(of: service.readyShards) }

    private func readiness(of shards: Int) -> String {
        "ready: \(shards) of \(counted(settings.shards, "shard")) serving"
    }

    /// Monotonic milliseconds.
    var now: Int64 { Int64(loop.nanoseconds / 1_000_000) }

    var jitter: Double { Double.random(in: 0..<1) }
}
