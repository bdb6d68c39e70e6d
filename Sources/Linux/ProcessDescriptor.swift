internal import CLinux
internal import Glibc

/// A descriptor that names a process, also after its id was given to another one (pidfd_open).
public enum ProcessDescriptor {
    /// A descriptor that becomes readable when the process exits. The caller closes it.
    public static func open(_ process: Int32) throws(SystemCallFailure) -> Int32 {
        let descriptor = clinux_process_descriptor(process)
        guard descriptor >= 0 else { throw SystemCallFailure("open process \(process)", code: errno) }
        return descriptor
    }

    /// Sends a signal; does nothing when the process is gone.
    public static func send(signal: Int32, to descriptor: Int32) {
        _ = clinux_signal_process(descriptor, signal)
    }
}

/// What wait(2) reports of a process.
public struct WaitStatus {
    private let status: Int32

    public init(_ status: Int32) { self.status = status }

    /// The signal that ended the process; 0 when it exited.
    public var signal: Int32 { clinux_terminating_signal(status) }
    /// The exit status; meaningful only if `signal` is 0.
    public var exitCode: Int32 { clinux_exit_status(status) }
}
