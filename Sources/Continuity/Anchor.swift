internal import Glibc
public import Linux

/// Keeps the descriptors of a shard's process open when the process is killed.
///
/// A connection stays open as long as any process holds its descriptor. An anchor is a process that shares the
/// descriptor *table* of the shard, and nothing else. The table survives a `kill -9` of the shard, with every
/// connection open at that moment, and costs nothing per connection in normal operation. A successor asks the anchor
/// for the descriptors.
///
/// The anchor can be killed like any process. The connections then stay open in the shard's table; `check` reports the
/// loss, and `replace` starts another anchor.
public struct Anchor {
    /// What happened to an anchor.
    public enum Loss: Equatable, Sendable {
        /// It was killed. Nothing keeps the connections now.
        case killed(signal: Int32)
        /// It was stopped, and has been continued.
        case stopped(signal: Int32)
    }

    private let descriptor: Int32
    /// nil when no anchor runs.
    public private(set) var processID: Int32?
    /// The supervisor has closed its end, so no anchor is wanted any more.
    private var isLifted = false

    /// Starts the anchor of this process. From then on it keeps every descriptor of the process, also those opened
    /// later.
    ///
    /// The kernel doubles a descriptor table that is full. With a shared table, each of these steps waits for all
    /// processors: ten milliseconds or more in which no byte moves. So the table gets its size before it is shared.
    /// - Parameter descriptor: this process's end of a SOCK_SEQPACKET socket pair. The anchor exits when the supervisor
    ///   closes the other end.
    @discardableResult
    public static func drop(on descriptor: Int32) throws(SystemCallFailure) -> Anchor {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let last = fcntl(descriptor, F_DUPFD_CLOEXEC, Int32(clamping: min(limit.rlim_cur, tableSizeMax)) - 1)
        if last >= 0 { close(last) }
        var anchor = Anchor(descriptor: descriptor)
        try anchor.start()
        return anchor
    }

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    private mutating func start() throws(SystemCallFailure) {
        processID = try AnchorProcess.start(descriptor)
    }

    /// Whether another anchor has to be started.
    public var isMissing: Bool { processID == nil && !isLifted }

    /// Checks the anchor; nil when nothing has happened since the last call. Call it at SIGCHLD.
    public mutating func check() -> Loss? {
        guard let processID else { return nil }
        switch AnchorProcess.check(processID) {
        case .running: return nil
        case .stopped(let signal): return .stopped(signal: signal)
        case .killed(let signal):
            self.processID = nil
            return .killed(signal: signal)
        case .lifted:
            self.processID = nil
            isLifted = true
            return nil
        }
    }

    /// Starts another anchor if the last one was killed. Its memory is a copy-on-write copy of the present process.
    public mutating func replace() throws(SystemCallFailure) {
        if isMissing { try start() }
    }

    /// Needs half a megabyte of kernel memory; a larger table grows when needed.
    private static let tableSizeMax: rlim_t = 1 << 16
}
