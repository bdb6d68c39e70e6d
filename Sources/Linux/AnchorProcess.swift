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

    /// Duplicates (close-on-exec) of the descriptors that have the numbers `wanted` in the anchor's table, in their order; nil for one
    /// that is not open there.
    /// - Parameter socket: the end that the anchor does not have.
    public static func duplicates(
        of wanted: [Int32], from socket: Int32
    ) throws(SystemCallFailure) -> [Int32?] {
        var taken: [Int32?] = []
        taken.reserveCapacity(wanted.count)
        let batchMax = Int(CLINUX_ANCHOR_TAKE_MAX)
        var batch = [Int32](repeating: -1, count: batchMax)
        var from = 0
        while from < wanted.count {
            let count = min(batchMax, wanted.count - from)
            let result = wanted[from..<from + count].withUnsafeBufferPointer {
                clinux_anchor_take(socket, $0.baseAddress, Int32(count), &batch)
            }
            guard result == 0 else {
                let failure = SystemCallFailure("take descriptors", code: errno)
                for descriptor in taken.compactMap({ $0 }) { close(descriptor) }
                throw failure
            }
            taken += batch.prefix(count).map { $0 < 0 ? nil : $0 }
            from += count
        }
        return taken
    }

    /// The numbers of the TCP connections (not listening sockets) in the anchor's table.
    /// - Parameter max: no more than these are returned.
    public static func connections(from socket: Int32, max: Int) throws(SystemCallFailure) -> [Int32] {
        var found = [Int32](repeating: -1, count: max)
        let count = clinux_anchor_list(socket, &found, Int32(clamping: max))
        guard count >= 0 else { throw SystemCallFailure("list descriptors", code: errno) }
        return Array(found.prefix(Int(count)))
    }

    /// Bytes of an established TCP connection that its process has written to the kernel and read from it; `written` of a connection
    /// that this side opened includes its SYN. nil when the connection is gone.
    public static func counts(of descriptor: Int32) -> (written: UInt64, read: UInt64)? {
        var (written, read): (UInt64, UInt64) = (0, 0)
        return clinux_tcp_counts(descriptor, &written, &read) == 0 ? (written, read) : nil
    }
}
