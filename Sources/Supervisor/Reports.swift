internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import Supervision

// What the core reports, in the operator's language.

extension ChildReport {
    var level: Logger.Level {
        switch self {
        // Steps of a planned restart, which has a summary.
        case .yielding, .handingOver, .replaced: .debug
        case .ready, .draining, .drained, .moving, .moved, .stopped: .info
        case .died, .neverReady, .stalled, .killed, .moveFailed: .warning
        case .failed, .abandoned, .handoverFailed: .error
        }
    }

    /// - Parameter processID: 0 when there is none (any more).
    func text(name: ChildName, processID: Int32) -> String {
        let who = processID == 0 ? "\(name)" : "\(name) (process \(processID))"
        return switch self {
        case .ready(let millis): "\(who) is ready after \(millis) ms"
        case .neverReady: "\(who) did not become ready in time; replacing it"
        case .stalled: "\(who) has stalled: its main loop gives no sign of life; replacing it"
        case .killed: "\(who) did not leave in time; killing it"
        case .died(let ending, let millis): "\(who) \(ending.text); starting it again in \(millis) ms"
        case .failed(let failure):
            "\(who) has failed: \(failure.text); trying again in \(RestartPolicy.failedPauseMillis / 1_000) s"
        case .yielding: "\(who) is asked to make room for a new process"
        case .handingOver: "\(who) is going to be replaced; its successor is started beside it"
        case .handoverFailed(let fault): "\(who) goes on as before, its successor failed: \(fault.text)"
        case .replaced(let ending): "\(who) stopped (\(ending.text)); its successor follows"
        case .draining(let millis): "\(who) takes no new miners, and has \(millis / 1_000) s to send its own away"
        case .drained(let ending?): "\(who) is drained (it \(ending.text)); its place stays empty"
        case .drained(nil): "\(who): its place stays empty"
        case .moving: "\(who) goes; its miners are moved to another shard"
        case .moveFailed(let fault): "\(who): its miners cannot be moved: \(fault.text)"
        case .moved: "\(who) is gone, its miners are served by another shard"
        case .stopped(let ending): "\(who) stopped (\(ending.text))"
        case .abandoned: "\(who) is stuck in the kernel; going on without it"
        }
    }
}

extension Failure {
    var text: String {
        switch self {
        case .keptDying(let deaths, let last): "it died \(deaths) times in a row; at last it \(last.text)"
        case .refused(let code): "it \(Ending.exit(code).text), which a restart alone does not change"
        }
    }

    /// How the service ends when its last shard ended so: a configuration that a shard refuses is still a bad one.
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
        case .died(let ending): "it \(ending.text)"
        case .notPrepared: "it did not start in time"
        case .cannotFreeze: "there is no memory to write the state of the shard to"
        case .notAdopted: "it did not take over in time"
        }
    }
}

extension MoveFault {
    var text: String {
        switch self {
        case .cannotFreeze: "there is no memory to write the state of the shard to"
        case .hasStalled: "it does not stand still"
        case .nobodyTookIt: "no other shard can take them"
        case .nobodyAnswered: "the shard that was to take them does not answer"
        }
    }
}

extension RestartCause {
    /// As `status` and the API name it.
    var text: String {
        switch self {
        case .exit(let code): "exit \(code)"
        case .signal(let number): Ending.name(ofSignal: number)
        case .notStartable: "not startable"
        case .stalled: "stalled"
        case .neverReady: "never ready"
        case .asked: "asked"
        }
    }
}

extension Ending {
    var text: String {
        switch self {
        case .exit(let code): "left with exit code \(code)" + (ExitCode(rawValue: code).map { " (\($0))" } ?? "")
        case .signal(let number): "was ended by \(Ending.name(ofSignal: number))"
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
