internal import CLinux
internal import Glibc

/// The system calls of an anchor: a process that shares the caller's table of descriptors, and nothing else of it
/// (clone with CLONE_FILES). `Continuity.Anchor` says what it is for.
public enum AnchorProcess {
    /// What waitpid reports of an anchor.
    public enum State: Equatable, Sendable {
        case running
        /// The other end of its socket was closed, and it has exited.
        case lifted
        case killed(signal: Int32)
        /// It was stopped, and was sent SIGCONT.
        case stopped(signal: Int32)
    }

    /// Starts an anchor that answers at `socket`, its end of a SOCK_SEQPACKET pair, until the other end closes. There may be threads.
    /// - Returns: its process id.
    public static func start(_ socket: Int32) throws(SystemCallFailure) -> Int32 {
        let process = clinux_anchor_start(socket)
        guard process > 0 else { throw SystemCallFailure("anchor", code: errno) }
        return process
    }

    /// Does not wait. The kernel forgets an anchor that has exited when this reports it.
    public static func check(_ anchor: Int32) -> State {
        var signal: Int32 = 0
        return switch clinux_anchor_check(anchor, &signal) {
        case CLINUX_ANCHOR_STOPPED: .stopped(signal: signal)
        case CLINUX_ANCHOR_KILLED: .killed(signal: signal)
        case CLINUX_ANCHOR_LIFTED: .lifted
        default: .running
        }
    }
}
