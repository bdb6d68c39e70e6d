internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

// Replaces the program of this process. The process id and the children stay.
extension ServiceRun {
    /// Starts the trial of the new program. If that succeeds, this process executes it.
    func beginUpgrade() -> ControlReply {
        do throws(RestartRefusal) {
            try service.checkIsRunning()
        } catch {
            return .refused(error.answer(shards: 0))
        }
        guard trial == nil, isToBecome == nil, upgrade?.phase != .replacing else {
            return .refused(ControlRefusal(.impossible, lines: ["an upgrade is already in progress"]))
        }
        let new = ProgramFile(at: executable)?.text ?? executable
        log.notice("upgrade requested from \(program?.text ?? BuildInformation.version): checking \(new)")
        do {
            let state = try MemoryFile.write(handed, name: "millrace-service")
            defer { close(state) }
            trial = try UpgradeTrial(
                on: loop, executable: executable, arguments: HiddenArguments.present, environment: environment,
                state: state
            ) { [unowned self] verdict in conclude(verdict) }
        } catch {
            let lines = ["\(executable): cannot be started: \(error)"]
            refuseUpgrade(lines)
            return .refused(ControlRefusal(.impossible, lines: lines))
        }
        upgrade = UpgradeStatus(.trying)
        return .begun
    }

    private func conclude(_ verdict: UpgradeTrial.Verdict) {
        trial = nil
        switch verdict {
        case .refused(let lines): refuseUpgrade(lines)
        case .goesOn where service.isStopping: refuseUpgrade(["the service is stopping"])
        case .goesOn(let version):
            // The state of a service has room for one process of each shard, so planned restarts are held.
            upgrade = UpgradeStatus(.trying)
            isToBecome = version
            perform(service.holdRestarts(true, at: now))
        }
    }

    /// Executes the new program once no handover is in progress. Every handover ends on its own.
    func executeIfPossible() {
        guard let version = isToBecome, !service.isHandingOver || service.isStopping else { return }
        isToBecome = nil
        service.isStopping ? refuseUpgrade(["the service is stopping"]) : become(version)
        perform(service.holdRestarts(false, at: now))
    }

    private func refuseUpgrade(_ lines: [String]) {
        for line in lines { log.error("upgrade: \(line)") }
        log.error("upgrade refused; the service continues unchanged")
        upgrade = UpgradeStatus(.refused, lines: lines)
    }

    /// Returns only when the program cannot be executed.
    private func become(_ version: String) {
        log.notice("executing Millrace \(version)")
        serviceManager?.say(status: "upgrading to Millrace \(version)")
        let handed = handed
        guard let state = try? MemoryFile.write(handed, name: "millrace-service") else {
            return refuseUpgrade(["no memory for the state of the service"])
        }
        LogOutput.flush()
        let environment = ServiceRun.ownEnvironment + (serviceManager?.environment ?? [])
        let failure = ProgramChange.execute(
            executable, arguments: HiddenArguments.present,
            environment: environment + [UpgradeEntry.goOn(state).environmentEntry],
            keeping: handed.descriptors + [state])
        close(state)
        serviceManager?.say(status: readiness)
        refuseUpgrade(["\(executable): cannot be executed: \(failure)"])
    }

    /// What another program needs to continue this service.
    var handed: ServiceHandoff {
        ServiceHandoff(
            version: BuildInformation.version, executable: executable, startedAt: startedAt,
            configuration: configuration.handed, service: service,
            children: children.map { .init(name: $0, process: $1.handed) }, sockets: sockets.handed,
            runDirectory: settings.runDirectory, successions: successions.map { $1.handed(shard: $0) },
            lock: runDirectory.lock, strangers: strangers, peers: addresses.descriptor,
            hasCertificate: certificate.summary != nil, isScaledByOperator: isScaledByOperator)
    }

    /// Adopts the state of the previous program, and then replaces all children.
    func goOn(with inherited: ServiceHandoff) {
        for succession in inherited.successions {
            successions[succession.shard] = ShardSuccession(
                name: "\(ChildName.shard(succession.shard))", adopting: succession)
        }
        restartHaltedAt = nil
        for child in inherited.children {
            do throws(SystemFailure) {
                children[child.name] = try RunningChild(on: loop, adopting: child.process) {
                    [unowned self] in hear($1, from: $0, in: child.name)
                }
            } catch {
                log.error("\(child.name): process \(child.process.processID) cannot be adopted (\(error))")
                perform(service.handle(.ended(.couldNotStart(error.code)), of: child.name, at: now, jitter: jitter))
            }
        }
        considerHandOver()
        log.notice(
            "upgraded from Millrace \(inherited.version) to \(BuildInformation.version)",
            metadata: ["adopted": "\(children.count)"])
        if configuration.settings.watchesFile, configuration.path != nil, configuration.hasFileChanged {
            _ = reload("the file has changed")
        }
        upgrade = UpgradeStatus(.replacing)
        let gateway: [ChildName] = configuration.settings.api == nil ? [] : [.gateway]
        perform(service.replace([.collector] + gateway + service.shards, at: now))
    }
}
