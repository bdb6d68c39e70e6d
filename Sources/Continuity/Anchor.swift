internal import Glibc
public import Linux

/// What keeps the descriptors of a shard's process when the process is killed.
///
/// A connection lives as long as somebody holds its descriptor. An anchor is a process that shares the *table* of
/// descriptors with the shard (and nothing else of it): the table outlives a `kill -9` of the shard, with every connection
/// of that moment in it, at no cost for each connection while all is well. A successor asks the anchor for them.
///
/// It can be killed like any process. Then the connections are where they were, in the table of the shard, and another anchor
/// keeps them from then on: `check` tells, `replace` does it.
public struct Anchor {
    /// What has happened to an anchor.
    public enum Loss: Equatable, Sendable {
        /// Nothing keeps the connections now.
        case killed(signal: Int32)
        /// It was stopped, and has been continued.
        case stopped(signal: Int32)
    }

    private let descriptor: Int32
    /// nil when there is none.
    public private(set) var processID: Int32?
    /// The supervisor has closed its end: no anchor is wanted any more.
    private var isLifted = false

    /// Drops the anchor of this process: from here on every descriptor that it opens is kept.
    /// - Parameter descriptor: this process's end of a socket pair (SOCK_SEQPACKET) of which the supervisor has the other;
    ///   when that is closed the anchor is lifted.
    ///
    /// The kernel doubles a table that has become too small, and where two processes share it each of these steps waits for all
    /// processors: ten milliseconds and more in which no connection moves. So the table gets its size before it is shared.
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

    /// Another one is needed.
    public var isMissing: Bool { processID == nil && !isLifted }

    /// Finds out what has become of the anchor since the last time; nil when nothing has. SIGCHLD tells when to ask.
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

    /// Drops another anchor in the place of one that was killed. Its memory is a copy-on-write copy of the process as it is now.
    public mutating func replace() throws(SystemCallFailure) {
        if isMissing { try start() }
    }

    /// Half a megabyte of the kernel's memory; a table for more grows as it must.
    private static let tableSizeMax: rlim_t = 1 << 16
}

/// The descriptors that a process has left with its anchor.
public struct AnchoredDescriptors {
    private let socket: Int32

    /// - Parameter socket: the supervisor's end of the anchor's socket pair.
    public init(socket: Int32) {
        self.socket = socket
    }

    /// Duplicates of the descriptors that had these numbers in the process; nil for one that is not open any more.
    public func duplicates(of wanted: [Int32]) throws(SystemCallFailure) -> [Int32?] {
        try AnchorProcess.duplicates(of: wanted, from: socket)
    }

    /// The TCP connections of the process, by the numbers that they had there.
    /// - Parameter max: no process has more descriptors.
    public func connections(max: Int) throws(SystemCallFailure) -> [Int32] {
        try AnchorProcess.connections(from: socket, max: max)
    }
}

/// How much of a connection's two streams has passed between the process and the kernel, as the kernel counts.
public struct ConnectionCounts: Equatable, Sendable {
    /// Bytes that the process has written, whether they have left the machine or not.
    public var written: UInt64
    /// Bytes that the process has read.
    public var read: UInt64

    /// nil when the connection is gone.
    /// - Parameter wasOpenedHere: a connection that we opened counts its SYN.
    public init?(descriptor: Int32, wasOpenedHere: Bool) {
        guard let (written, read) = AnchorProcess.counts(of: descriptor) else { return nil }
        let own: UInt64 = wasOpenedHere ? 1 : 0
        guard written >= own, written < 1 << 62, read < 1 << 62 else { return nil }
        self.written = written - own
        self.read = read
    }
}
