/// A planned restart in which the successor comes first.
///
/// The theory. The process serves until its successor has said that it stands (*prepared*): whatever keeps a program from
/// starting is known before a miner could notice. Then the process is asked to stand still: it ends its turn, writes its state
/// down, says *froze*, and touches nothing any more. The successor reads the state and takes copies of the connections, touching
/// nothing either, and says *adopted*. Up to here one word, `resume`, takes everything back, and whoever fails or hangs costs the
/// miners the wait at most. Then the process is told to leave, and only when it is gone the successor is told to go: so no byte is
/// ever moved by two. From there a failure is what it always was, the death of a process whose state is written down.
///
/// A process that dies on the way, whenever that is, is followed at once by the successor that waits for it.
public struct Handover: Equatable, Sendable, Codable {
    public enum Phase: Equatable, Sendable, Codable {
        /// The successor starts.
        case preparing
        /// The successor waits; the process has been asked to stand still.
        case freezing
        /// The process stands still; the successor takes over its state.
        case adopting
        /// The successor has it; the process has been told to leave.
        case releasing
        /// The process did not stand still when asked, so its loop has stalled; it is ended, and the successor follows.
        case terminating
    }

    public var phase: Phase
    /// Since when the process serves.
    var servesSince: Int64
    /// When the successor was started.
    var startedAt: Int64
    /// How long the phase may last; nil once SIGKILL has been sent.
    var until: Int64?
}

/// An event of a hand-over.
public enum HandoverEvent: Equatable, Sendable {
    /// The successor stands, and waits.
    case prepared
    /// The process stands still, its state is written down.
    case froze
    /// The process cannot write its state down.
    case cannotFreeze
    /// The successor has the state and the connections, and has touched neither.
    case adopted
    /// The successor is gone, or never came to be.
    case successorEnded(ExitReason)
}

/// What shall be done to the process that is to take a place.
public enum SuccessorAction: Equatable, Sendable {
    /// Start it; when that fails, say `.handover(.successorEnded(.couldNotStart))`.
    case spawn
    /// Tell it to read the state that has been left.
    case adopt
    /// It is the process of the place from now on.
    case promote
    /// It is not needed: end it by force if it lives, and forget it.
    case dismiss
}

/// Why a hand-over was called off.
public enum HandoverFault: Equatable, Sendable, Codable {
    /// The successor ended.
    case died(ExitReason)
    /// The successor did not start in time.
    case notPrepared
    /// The process has no place to write its state to.
    case cannotFreeze
    /// The successor did not take over in time.
    case notAdopted
}
