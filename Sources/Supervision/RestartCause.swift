/// Why a process was started in a place that had one before.
public enum RestartCause: Hashable, Sendable, Codable {
    case exit(Int32)
    case signal(Int32)
    /// The process before never came to be.
    case notStartable
    /// Its main loop had stalled.
    case stalled
    case neverReady
    /// Planned: by the operator, or to give it another configuration.
    case asked

    init(_ ending: ExitReason) {
        switch ending {
        case .exit(let code): self = .exit(code)
        case .signal(let number): self = .signal(number)
        case .couldNotStart: self = .notStartable
        }
    }
}

/// Why a child has failed.
public enum Failure: Equatable, Sendable, Codable {
    /// It crashed this number of times in a row without a healthy time between.
    case keptDying(deaths: Int, last: ExitReason)
    /// It ended with an exit code that says that a restart does not help.
    case refused(exitCode: Int32)
}
