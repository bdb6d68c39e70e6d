internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

/// Performs the decisions of `Service`: starts and signals processes, runs its timer, and reports events to it.
final class ServiceRun {
    let loop: Loop
    let serviceManager: ServiceManager?
    let log: Logger
    let startedAt: UInt64
    private let programs: ChildPrograms
    let environment: [String]
    /// The path of the program for the next upgrade.
    let executable: String
    let runDirectory: RunDirectory
    let addresses: AddressBook
    /// Descriptors that do not belong to the service, and stay open as long as this process runs.
    let strangers: [Int32]

    var configuration: RunningConfiguration
    var certificate: MinersCertificate
    var service: Service
    var children: [ChildName: RunningChild] = [:]
    /// Standby processes, by the child that they are to replace.
    var successors: [ChildName: RunningChild] = [:]
    /// By a departing shard, the shard that was asked to absorb it.
    var receivers: [ChildName: ChildName] = [:]
    /// Standby processes that were killed because they were not needed, until their exit is reported.
    var dismissed: [RunningChild] = []
    /// The state of the previous program, until it is adopted.
    private var inherited: ServiceHandoff?
    var sockets: ShardSockets
    /// By shard, what stays when its process exits.
    var successions: [Int: ShardSuccession] = [:]
    private var pending: [Order] = []
    private var isPerforming = false
    private var exitCode = ExitCode.stopped
    /// Where the last planned restarts were cancelled.
    var restartHaltedAt: ChildName?
    private var restartRound: RestartRound?
    var rebalancing: RebalanceRound?
    /// The operator has set the number of shards since the configuration did: it does not grow by itself.
    var isScaledByOperator: Bool
    /// The present scaling is growth (`considerGrowth`).
    var isGrowing = false
    var upgrade: UpgradeStatus?
    var trial: UpgradeTrial?
    /// The version of the new program, until this process executes it when no handover is in progress.
    var isToBecome: String?

    private var timer: Timer?
    private var signals: [SignalSource] = []
    private(set) var server: ControlServer?
    var watcher: FileWatcher?
    private var reaper: OrphanReaper?
    private var watchdog: Timer?
    /// Mends the run directory.
    var caretaker: Timer?

    /// - Parameter inherited: the state that the previous program of this process left; nil when nothing runs yet.
    init(
        on loop: Loop, configuration: RunningConfiguration, certificate: MinersCertificate, sockets: ShardSockets,
        programs: ChildPrograms, executable: String, runDirectory: RunDirectory, strangers: [Int32],
        inherited: ServiceHandoff?, serviceManager: ServiceManager?, log: Logger
    ) {
        self.loop = loop
        self.configuration = configuration
        self.certificate = certificate
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
        isScaledByOperator = inherited?.isScaledByOperator ?? false
        let settings = configuration.settings
        environment = ServiceRun.childEnvironment(runDirectory: settings.runDirectory)
        let final: [ExitCode] = [.badConfiguration, .badInstallation, .usage]
        let policy = RestartPolicy(finalExitCodes: final.map(\.rawValue))
        service =
            inherited.map { Service(resuming: $0.service, policy: policy) }
            ?? Service(shards: settings.shards, hasGateway: settings.api != nil, policy: policy)
    }

    /// Starts the service, or continues it, and returns when all of it has ended.
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
                || dismissed.contains { $0.processID == process }
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
        // Handles signals that arrived while this process executed a new program.
        loop.letSignalsIn()
        loop.run()
        timer?.close()
        return exitCode
    }

    /// The settings in force, with the present addresses and number of shards.
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

    // MARK: - Requests of the operator

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

    // MARK: - Orders of the core

    func perform(_ orders: [Order]) {
        pending += orders
        // An order can cause further orders at once, such as a failed start. They are performed after those pending.
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
            // An absorbed shard's new process only hands over events. It waits for `go` and changes nothing before.
            children[name] = try start(name, standsBeside: succession(of: name)?.isAbsorbed == true)
            considerHandOver()
        } catch {
            perform(service.handle(.ended(.couldNotStart(error.code)), of: name, at: now, jitter: jitter))
        }
    }

    /// Enables handover only if the connections of every shard survive its process; otherwise a standby is useless.
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

    /// nil for processes without connections of miners.
    func succession(of name: ChildName) -> ShardSuccession? {
        guard case .shard(let number) = name else { return nil }
        guard settings.keepsConnections else {
            // Discards what was kept before the setting was switched off.
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
        case .saidReady, .heartbeat, .absorbed: break  // a standby does not serve yet
        }
    }

    private func hear(_ news: RunningChild.Event, fromChildIn name: ChildName) {
        switch news {
        case .saidReady:
            // Also for a process that only hands over events: the collector cannot connect to it while the old anchor
            // holds the sockets of the crashed process on the bus.
            succession(of: name)?.tookOver()
            perform(service.handle(.saidReady, of: name, at: now))
            giveAgain(to: name)
        case .heartbeat:
            perform(service.handle(.heartbeat, of: name, at: now))
            goOnRebalancing(heard: name)
            considerGrowth()
        case .handover(let event):
            perform(service.handle(.handover(event), of: name, at: now))
        case .absorbed(let answer):
            hear(answer, by: name)
        case .ended(let ending):
            children[name] = nil
            if service.isStopping, case .shard(let number) = name {
                successions[number] = nil  // no later process continues it
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
        case .scaled(let count): scaled(to: count)
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

    // MARK: - Time and jitter

    /// One line for `systemctl status`.
    var readiness: String { readiness(of: service.readyShards) }

    private func readiness(of shards: Int) -> String {
        "ready: \(shards) of \(counted(settings.shards, "shard")) serving"
    }

    /// Monotonic milliseconds.
    var now: Int64 { Int64(loop.nanoseconds / 1_000_000) }

    var jitter: Double { Double.random(in: 0..<1) }
}
