internal import Glibc

/// How a Millrace process ends. A contract with the supervisor, service managers and scripts; listed in
/// docs/OPERATIONS.md.
public enum ExitCode: Int32, Sendable {
    /// Stopped in good order, as asked.
    case stopped = 0
    /// Something that should not happen; the log says what. Worth a restart.
    case failed = 1
    /// No usable configuration: a restart would not help (the number is xmrig-proxy's).
    case badConfiguration = 2
    /// A child process kept dying until its restart limit, and nothing could be served without it.
    case childFailed = 3
    /// An address could not be bound, or the run directory could not be used.
    case cannotListen = 4
    /// A program of the service is missing or cannot be executed: the installation needs repair.
    case badInstallation = 5
    /// Wrong command line (EX_USAGE); also a child program that was started by hand.
    case usage = 64

    /// Ends the process in the orderly way of C: what libraries have registered to run at the end runs.
    public func exit() -> Never {
        LogOutput.flush()
        Glibc.exit(rawValue)
    }

    /// Ends the process without waiting for anything: libuv's end waits for host names that are being looked up, which
    /// may take longer than the supervisor's patience. For a program that has closed what it had open.
    public func exitNow() -> Never {
        LogOutput.flush()
        _exit(rawValue)
    }
}
