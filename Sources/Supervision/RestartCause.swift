/// Why a process was started in a place that had one before.
public enum RestartCause: Hashable, Sendable, Codable {
    case exit(Int32)
    case signal(Int32)
    /// The process before could not be started.
    case notStartable
    /// Its main loop had stalled.
    case stalled
    case neverReady
    /// Planned: by the operator, or because its configuration changed.
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
    /// It crashed this many times without being ready for `RestartPolicy.healthyAfterMillis` in between.
    case keptDying(deaths: Int, last: ExitReason)
    /// It exited with a code that says that a restart does not help.
    case refused(exitCode: Int32)
}
