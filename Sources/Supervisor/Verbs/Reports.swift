internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

// Texts for the reports of the core.

extension ChildReport {
    var level: Logger.Level {
        switch self {
        // Steps of a planned restart; a summary is logged when all are done.
        case .replacing, .handingOver, .replaced: .debug
        // Steps of rebalancing. Most shards have no part that is small enough.
        case .splitting, .split, .splitFailed(.nobodyTookIt): .debug
        case .ready, .draining, .drained, .merging, .moved, .stopped: .info
        case .crashed, .neverReady, .stalled, .killed, .moveFailed, .splitFailed: .warning
        case .failed, .abandoned, .handoverFailed: .error
        }
    }

    /// - Parameter processID: 0 when there is no process.
    func text(name: ChildName, processID: Int32) -> String {
        let who = processID == 0 ? "\(name)" : "\(name) (process \(processID))"
        return switch self {
        case .ready(let millis): "\(who) is ready after \(millis) ms"
        case .neverReady: "\(who) did not become ready in time; replacing it"
        case .stalled: "\(who) has stalled: no heartbeat; replacing it"
        case .killed: "\(who) did not exit in time; sending SIGKILL"
        case .crashed(let ending, let millis): "\(who) \(ending.text); restarting in \(millis) ms"
        case .failed(let failure):
            "\(who) has failed: \(failure.text); next attempt in \(RestartPolicy.failedPauseMillis / 1_000) s"
        case .replacing: "\(who) is being replaced"
        case .handingOver: "\(who) is being replaced; starting the new process beside it"
        case .handoverFailed(let fault): "\(who) continues; its new process failed: \(fault.text)"
        case .replaced(.exit(0)): "\(who) stopped; its new process takes its place"
        case .replaced(let ending): "\(who) stopped (\(ending.text)); its new process takes its place"
        case .draining(let millis):
            "\(who) is draining: no new miners, its miners are disconnected within \(millis / 1_000) s"
        case .drained(let ending?): "\(who) is drained (\(ending.text)); it stays empty until it is restarted"
        case .drained(nil): "\(who) is drained; it stays empty until it is restarted"
        case .merging: "\(who) is being removed; moving its miners to another shard"
        case .moveFailed(let fault): "\(who) cannot move its miners: \(fault.text)"
        case .moved: "\(who) was removed; another shard serves its miners"
        case .splitting: "\(who) is moving some of its miners to another shard"
        case .split: "\(who) moved some of its miners to another shard"
        case .splitFailed(.nobodyAnswered):
            "\(who) is waiting: the shard that should take some of its miners does not answer"
        case .splitFailed(let fault): "\(who) keeps its miners: \(fault.text)"
        case .stopped(.exit(0)): "\(who) stopped"
        case .stopped(let ending): "\(who) stopped (\(ending.text))"
        case .abandoned: "\(who) does not exit after SIGKILL (stuck in the kernel); ignored"
        }
    }
}

extension Failure {
    var text: String {
        switch self {
        case .keptDying(let deaths, let last): "\(counted(deaths, "failure")) in a row, the last: \(last.text)"
        case .refused(let code): "\(ExitReason.exit(code).text); a restart would not help"
        }
    }

    /// The exit code of the service when its last shard fails. A configuration that a shard refuses remains a bad
    /// configuration.
    var exitCode: ExitCode {
        switch self {
        case .keptDying: .childFailed
        case .refused(let code): ExitCode(rawValue: code) ?? .childFailed
        }
    }
}

extension HandoverFault {
    var text: String {
        switch self {
        case .crashed(let ending): ending.text
        case .notPrepared: "it did not start in time"
        case .cannotFreeze: "no memory for the state of the shard"
        case .notAdopted: "it did not take over in time"
        }
    }
}

extension MoveFault {
    var text: String {
        switch self {
        case .cannotFreeze: "no memory for the state of the shard"
        case .hasStalled: "it does not respond"
        case .nobodyTookIt: "no other shard can take them"
        case .nobodyAnswered: "the shard that should take them does not answer"
        }
    }
}

extension RestartCause {
    /// The name in `status` and the API.
    var text: String {
        switch self {
        case .exit(let code): "exit \(code)"
        case .signal(let number): ExitReason.name(ofSignal: number)
        case .notStartable: "not startable"
        case .stalled: "stalled"
        case .neverReady: "never ready"
        case .asked: "asked"
        }
    }
}

extension ExitReason {
    var text: String {
        switch self {
        case .exit(let code): "exited with code \(code)" + (ExitCode(rawValue: code).map { " (\($0))" } ?? "")
        case .signal(let number): "was killed by \(ExitReason.name(ofSignal: number))"
        case .couldNotStart(let code): "could not be started: \(SystemFailure(code: code))"
        }
    }

    static func name(ofSignal number: Int32) -> String {
        switch number {
        case SIGKILL: "SIGKILL"
        case SIGTERM: "SIGTERM"
        case SIGINT: "SIGINT"
        case SIGSEGV: "SIGSEGV"
        case SIGABRT: "SIGABRT"
        case SIGBUS: "SIGBUS"
        case SIGILL: "SIGILL"
        case SIGTRAP: "SIGTRAP"
        case SIGFPE: "SIGFPE"
        default: "signal \(number)"
        }
    }
}
