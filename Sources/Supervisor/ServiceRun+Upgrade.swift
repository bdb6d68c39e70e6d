internal import Control
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

// Another program in the place of this one, with the same process id and the same children.
extension ServiceRun {
    /// Has the new program tried, and executes it if it is good.
    func beginUpgrade() -> ControlReply {
        do throws(RestartRefusal) {
            try service.checkIsRunning()
        } catch {
            return .refused(error.answer(shards: 0))
        }
        guard trial == nil, upgrade?.phase != .replacing else {
            return .refused(ControlRefusal(.impossible, lines: ["an upgrade is under way already"]))
        }
        log.notice("asked to upgrade: trying \(executable)")
        do {
            let state = try MemoryFile.write(handed, name: "millrace-service")
            defer { close(state) }
            trial = try UpgradeTrial(
                on: loop, executable: executable, arguments: CommandLine.arguments, environment: environment,
                state: state
            ) { [unowned self] verdict in take(verdict) }
        } catch {
            let lines = ["\(executable): cannot be tried: \(error)"]
            refuseUpgrade(lines)
            return .refused(ControlRefusal(.impossible, lines: lines))
        }
        upgrade = UpgradeStatus(.trying)
        return .begun
    }

    private func take(_ verdict: UpgradeTrial.Verdict) {
        trial = nil
        switch verdict {
        case .refused(let lines): refuseUpgrade(lines)
        case .goesOn where service.isStopping: refuseUpgrade(["the service is stopping"])
        case .goesOn(let version): become(version)
        }
    }

    private func refuseUpgrade(_ lines: [String]) {
        for line in lines { log.error("upgrade: \(line)") }
        log.error("upgrade refused; the service goes on as it is")
        upgrade = UpgradeStatus(.refused, lines: lines)
    }

    /// Does not return when all goes well.
    private func become(_ version: String) {
        log.notice("going on as Millrace \(version)")
        serviceManager?.say(status: "upgrading to Millrace \(version)")
        let handed = handed
        guard let state = try? MemoryFile.write(handed, name: "millrace-service") else {
            return refuseUpgrade(["there is no memory to write the state of the service to"])
        }
        let environment = ServiceRun.ownEnvironment + (serviceManager?.environment ?? [])
        let failure = ProgramChange.execute(
            executable, arguments: CommandLine.arguments,
            environment: environment + [Resumption.goOn(state).environmentEntry],
            keeping: handed.descriptors + [state])
        close(state)
        serviceManager?.say(status: readiness)
        refuseUpgrade(["\(executable): cannot be executed: \(failure)"])
    }
}
