internal import CLinux
internal import Glibc

/// The descriptors of an exited process that its anchor keeps.
public struct AnchoredDescriptors {
    private let socket: Int32

    /// - Parameter socket: the supervisor's end of the anchor's socket pair.
    public init(socket: Int32) {
        self.socket = socket
    }

    /// Duplicates of the descriptors that had these numbers in the process; nil for one that is not open any more.
    public func duplicates(of wanted: [Int32]) throws(SystemCallFailure) -> [Int32?] {
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

    /// The TCP connections of the process, by the numbers that they had there.
    /// - Parameter max: no process has more descriptors.
    public func connections(max: Int) throws(SystemCallFailure) -> [Int32] {
        var found = [Int32](repeating: -1, count: max)
        let count = clinux_anchor_list(socket, &found, Int32(clamping: max))
        guard count >= 0 else { throw SystemCallFailure("list descriptors", code: errno) }
        return Array(found.prefix(Int(count)))
    }
}

/// The kernel's counts of the bytes that the process has written to a connection and read from it.
public struct ConnectionCounts: Equatable, Sendable {
    /// Bytes written by the process, whether or not they have been sent.
    public var written: UInt64
    /// Bytes read by the process.
    public var read: UInt64

    /// nil when the connection has ended.
    /// - Parameter wasOpenedHere: true for a connection opened by this machine, whose count includes its SYN.
    public init?(descriptor: Int32, wasOpenedHere: Bool) {
        var (written, read): (UInt64, UInt64) = (0, 0)
        guard clinux_tcp_counts(descriptor, &written, &read) == 0 else { return nil }
        let own: UInt64 = wasOpenedHere ? 1 : 0
        guard written >= own, written < 1 << 62, read < 1 << 62 else { return nil }
        self.written = written - own
        self.read = read
    }
}
