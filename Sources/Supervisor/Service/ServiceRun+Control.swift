internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import Glibc
internal import Logging
internal import Supervision

// Requests from the control socket, signals, and changes of the configuration file.
extension ServiceRun {
    func answer(_ request: ControlRequest) -> ControlReply {
        switch request {
        case .status: return .status(status)
        case .configuration: return .configuration(document: configuration.document)
        case .configure(let document): return configure(document)
        case .reload: return reload("reload requested")
        case .restart(let number): return restart([.shard(number)])
        case .restartAll: return restart(service.occupiedShards)
        case .restartProcess(.collector): return restart([.collector])
        case .restartProcess(.gateway): return restart([.gateway])
        case .restartProcess(.shard):
            return .refused(ControlRefusal(.invalid, lines: ["the request names no shard"]))
        case .restartEverything:
            return restart(service.occupiedShards + [.collector] + (settings.api == nil ? [] : [.gateway]))
        case .drain(let number, let seconds): return drain(number, withinSeconds: seconds)
        case .scale(let count, let seconds): return scale(to: count, withinSeconds: seconds)
        case .rebalance: return rebalance()
        case .bans: return .bans(addresses.bans)
        case .unban(let address): return addresses.unban(address)
        case .upgrade: return beginUpgrade()
        case .stop:
            stop("stop requested")
            return .begun
        }
    }

    private func restart(_ names: [ChildName]) -> ControlReply {
        do throws(RestartRefusal) {
            let orders = try service.restart(names, at: now)
            log.notice("restart requested: \(names.map(\.description).joined(separator: ", "))")
            restartHaltedAt = nil
            perform(orders)
            return .begun
        } catch {
            return .refused(error.answer(shards: settings.shards))
        }
    }

    // MARK: - Changes of the configuration

    private func configure(_ document: String) -> ControlReply {
        guard !service.isStopping else { return .refused(RestartRefusal.serviceIsStopping.answer(shards: 0)) }
        return take("configuration received over the API") { $0.receive(document, $1) }
    }

    /// Log rotation sends SIGHUP too, so a service without a configuration file does not report an error.
    func hangUp() {
        if configuration.path == nil {
            reopenLogs()
            log.notice("SIGHUP: there is no configuration file to read")
        } else {
            _ = reload("SIGHUP")
        }
    }

    /// Reopens the log file in every process, and reads the configuration file again.
    /// - Parameter reason: the cause, for the log.
    func reload(_ reason: String) -> ControlReply {
        reopenLogs()
        guard !service.isStopping else { return .refused(RestartRefusal.serviceIsStopping.answer(shards: 0)) }
        watcher?.know()
        return take(reason) { $0.reload($1) }
    }

    private func reopenLogs() {
        guard let file = configuration.settings.logFile else { return }
        if LogOutput.reopen() { log.notice("log file \(file) reopened") }
        for child in Array(children.values) + Array(successors.values) + dismissed { child.reopenLog() }
    }

    private func take(
        _ reason: String,
        _ change: (inout RunningConfiguration, RunningConfiguration.Preparation) -> RunningConfiguration.Outcome
    ) -> ControlReply {
        // A service that is starting is not ready for the service manager, also when it reads its configuration again.
        if service.hasServed { serviceManager?.sayReloading() }
        defer { if service.hasServed, service.restarting.isEmpty { serviceManager?.sayReady(status: readiness) } }
        var rebound: ShardSockets?
        var changed = certificate
        changed.refresh()
        let outcome = change(&configuration) { (change) throws(StartFailure) in
            let warnings = try changed.change(to: change.settings)
            if change.changed.contains("bind") { rebound = try sockets.rebound(to: change.settings.binds, log: log) }
            return warnings
        }
        switch outcome {
        case .unchanged(let warnings):
            certificate = changed
            for warning in warnings { log.warning("\(warning.logText)") }
            log.notice("\(reason): configuration unchanged")
        case .refused(var refusal, let warnings):
            rebound?.closeNew(since: sockets)
            for warning in warnings { log.warning("\(reason): \(warning.logText)") }
            for line in refusal.lines { log.error("\(reason): \(line)") }
            log.error("\(reason): configuration refused; the service continues unchanged")
            refusal.lines += warnings.map { "warning: \($0.logText)" }
            return .refused(refusal)
        case .changed(let change, let warnings):
            for warning in warnings { log.warning("\(warning.logText)") }
            if let rebound { listen(on: rebound) }
            certificate = changed
            apply(change, reason)
        }
        return .done
    }

    private func apply(_ change: ConfigurationChange, _ reason: String) {
        if !change.changed.isEmpty {
            log.notice("\(reason): now in force: \(change.changed.joined(separator: ", "))")
        }
        for key in change.waiting {
            log.warning("\(reason): \(key) cannot be changed while the service runs; restart it to apply that")
        }
        LogOutput.change(
            format: change.settings.logFormat == .json ? .json : .text,
            level: change.settings.isVerbose ? .debug : .info, colors: change.settings.usesColors,
            file: change.settings.logFile, syslog: change.settings.usesSyslog, secrets: change.settings.secrets)
        watchFile()
        if change.changed.contains("millrace.limits") { addresses.adopt(change.settings.limits) }
        restartHaltedAt = nil
        var names: [ChildName] = []
        if change.replaces.contains(.collector) { names.append(.collector) }
        if change.replaces.contains(.gateway), change.settings.api != nil { names.append(.gateway) }
        if change.replaces.contains(.shards) { names += service.shards }
        considerHandOver()
        perform(service.wantGateway(change.settings.api != nil, at: now))
        perform(service.replace(names, at: now))
        if change.changed.contains("millrace.shards") { isScaledByOperator = false }
        if change.changed.contains("millrace.shards"), change.settings.shardsMax == nil {
            let within = RestartPolicy.drainWithinMillis
            perform(service.want(shards: change.settings.shards, withinMillis: within, at: now))
        }
    }

    /// Starts or stops watching the file, as the configuration says.
    func watchFile() {
        guard configuration.settings.watchesFile, let path = configuration.path else {
            watcher?.close()
            watcher = nil
            return
        }
        guard watcher == nil else { return }
        watcher = FileWatcher(on: loop, path: path) { [unowned self] finding in
            switch finding {
            case .nothing: break
            // Ignores its own writes, and a new modification time of the same bytes.
            case .changed: if configuration.hasFileChanged { _ = reload("\(path) has changed") }
            case .gone: log.warning("\(path) was removed; the service continues unchanged")
            }
        }
    }

    // MARK: - Status

    private var status: ServiceStatus {
        var status = ServiceStatus(
            version: BuildInformation.version, processID: getpid(), startedAt: startedAt,
            children: service.wantedNames.map(status), configuration: configuration.status)
        status.configuration.database = settings.database
        certificate.refresh()
        status.configuration.certificate = certificate.summary.map { CertificateStatus($0) }
        status.restarting = service.restarting.map(\.description)
        status.scalesTo = service.scalesTo
        status.isRebalancing = rebalancing == nil ? nil : true
        status.restartHaltedAt = restartHaltedAt?.description
        status.upgrade = upgrade
        status.isStopping = service.isStopping
        let degradations = degradations
        status.degraded = degradations.map(\.text)
        status.degradations = degradations
        status.program = program
        return status
    }

    /// The program that this process executes.
    var program: ProgramStatus? {
        ProgramFile.of(process: getpid(), named: executable).map {
            ProgramStatus(path: executable, version: BuildInformation.version, modifiedAt: $0.modifiedAt)
        }
    }

    private func status(of name: ChildName) -> ChildStatus {
        let child = service.child(name)
        var status = ChildStatus(name, state: child?.state ?? .idle)
        status.processID = children[name]?.processID
        status.startedAt = children[name]?.startedAt
        status.miners = children[name]?.load?.miners
        status.upstreams = children[name]?.load?.upstreams
        status.restarts = max((child?.launches ?? 0) - 1, 0)
        for (cause, count) in child?.restarts ?? [:] { status.restartCauses[cause.text, default: 0] += count }
        status.lastDeath = child?.lastDeath?.text
        if case .failed(let failure) = child?.state { status.lastDeath = failure.text }
        status.runsOldConfiguration = outdatedKeys(of: name).isEmpty ? nil : true
        return status
    }
}

extension ChildStatus {
    fileprivate init(_ name: ChildName, state: ChildState) {
        let word: State =
            switch state {
            case .idle: .idle
            case .starting: .starting
            case .ready, .splitting: .ready
            case .replacing, .handingOver, .merging, .draining: .draining
            case .drained: .drained
            case .terminating, .stopping, .killing: .stopping
            case .backoff: .backoff
            case .failed: .failed
            case .stopped: .stopped
            }
        switch name {
        case .collector: self.init(kind: .collector, state: word)
        case .shard(let number): self.init(kind: .shard, shard: number, state: word)
        case .gateway: self.init(kind: .gateway, state: word)
        }
    }
}

extension RestartRefusal {
    func answer(shards: Int) -> ControlRefusal {
        switch self {
        case .serviceIsStarting:
            ControlRefusal(.impossible, lines: ["the service is starting; retry when it is ready"])
        case .serviceIsStopping:
            ControlRefusal(.impossible, lines: ["the service is stopping"])
        case .isDraining(let name):
            ControlRefusal(.impossible, lines: ["\(name) is draining; retry when it is drained"])
        case .isBeingReplaced(let name):
            ControlRefusal(.impossible, lines: ["\(name) is being replaced; retry when it is ready"])
        case .isRebalancing:
            ControlRefusal(.impossible, lines: ["miners are being moved between shards; retry later"])
        case .isScaling:
            ControlRefusal(.impossible, lines: ["the number of shards is being changed; retry when that is done"])
        case .keepsNoConnections:
            ControlRefusal(
                .impossible,
                lines: [
                    "miners cannot be moved: millrace.keep-connections is false, so connections end with their process"
                ])
        case .nobodyWouldServe:
            ControlRefusal(.impossible, lines: ["no other shard is ready to take the miners"])
        case .unknown(.gateway):
            ControlRefusal(.impossible, lines: ["there is no gateway: the HTTP API is off (http.enabled)"])
        case .unknown(let name):
            ControlRefusal(.unknownShard, lines: ["there is no \(name); the shards are 0 to \(shards - 1)"])
        }
    }
}
