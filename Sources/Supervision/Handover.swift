/// A planned restart in which the successor is started first.
///
/// The process serves until its successor has reported *prepared*: anything that keeps a program from starting shows
/// before a miner could notice. Then the process is asked to freeze: it ends its turn, writes its state, reports
/// *froze*, and touches nothing any more. The successor reads the state and takes copies of the connections, also
/// without touching them, and reports *adopted*. Up to here `resume` cancels everything, and a process that fails or
/// hangs costs the miners at most the wait. Then the process is told to exit, and only when it has is the successor
/// told to go: so two processes never move bytes of the same connection. A failure after that is the crash of a process
/// with a saved state.
///
/// When the process crashes during a handover, in any phase, the waiting successor takes over at once.
public struct Handover: Equatable, Sendable, Codable {
    public enum Phase: Equatable, Sendable, Codable {
        /// The successor starts.
        case preparing
        /// The successor waits; the process was asked to freeze.
        case freezing
        /// The process is frozen; the successor takes over its state.
        case adopting
        /// The successor has the state; the process was told to exit.
        case releasing
        /// The process did not freeze in time, so its loop has stalled: it is ended, and the successor takes over.
        case terminating
    }

    public var phase: Phase
    /// Since when the process serves.
    var servesSince: Int64
    /// When the successor was started.
    var startedAt: Int64
    /// When the phase times out; nil once SIGKILL has been sent.
    var until: Int64?
}

/// An event of a handover.
public enum HandoverEvent: Equatable, Sendable {
    /// The successor has started, and waits.
    case prepared
    /// The process is frozen and has written its state.
    case froze
    /// The process cannot write its state.
    case cannotFreeze
    /// The successor has the state and the connections, and has touched neither.
    case adopted
    /// The successor ended, or could not be started.
    case successorEnded(ExitReason)
}

/// An action on the process that is to take over a place.
public enum SuccessorAction: Equatable, Sendable {
    /// Start it. If that fails, report `.handover(.successorEnded(.couldNotStart))`.
    case spawn
    /// Tell it to read the saved state.
    case adopt
    /// Make it the process of the place.
    case promote
    /// It is not needed: kill it if it runs, and forget it.
    case dismiss
}

/// Why a handover was cancelled.
public enum HandoverFault: Equatable, Sendable, Codable {
    /// The successor ended.
    case crashed(ExitReason)
    /// The successor did not start in time.
    case notPrepared
    /// The process has no memory to write its state to.
    case cannotFreeze
    /// The successor did not take over in time.
    case notAdopted

    /// The names in the state that a supervisor hands to its successor (`upgrade`).
    private enum CodingKeys: String, CodingKey {
        case crashed = "died"
        case notPrepared, cannotFreeze, notAdopted
    }
}
