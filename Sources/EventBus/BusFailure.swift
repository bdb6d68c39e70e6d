internal import CZeroMQ
internal import Glibc

/// A failure reported by ZeroMQ or the operating system.
public struct BusFailure: Error, Equatable, CustomStringConvertible {
    /// An `errno` of the system or of ZeroMQ (`ETERM`, …).
    public let code: Int32
    /// The failed operation: "bind ipc:///run/millrace/snapshots".
    public let attempt: String

    init(code: Int32, attempt: String) {
        self.code = code
        self.attempt = attempt
    }

    /// The failure that ZeroMQ has just reported on this thread.
    init(attempt: String) {
        self.init(code: zmq_errno(), attempt: attempt)
    }

    public var description: String { "\(attempt): \(String(cString: zmq_strerror(code)))" }
}
