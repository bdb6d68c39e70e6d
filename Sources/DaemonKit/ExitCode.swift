internal import Glibc

/// The exit codes of Millrace. The supervisor, service managers and scripts depend on them; docs/OPERATIONS.md lists
/// them.
public enum ExitCode: Int32, Sendable {
    /// Stopped as requested.
    case stopped = 0
    /// An unexpected failure, which the log describes. A restart may help.
    case failed = 1
    /// No usable configuration; a restart would not help. xmrig-proxy uses the same number.
    case badConfiguration = 2
    /// A child process crashed until its restart limit, and the service cannot run without it.
    case childFailed = 3
    /// An address could not be bound, or the run directory could not be used.
    case cannotListen = 4
    /// A program of the service is missing or cannot be executed: the installation is damaged.
    case badInstallation = 5
    /// Wrong command line (EX_USAGE). Also used by a child program that is started by hand.
    case usage = 64

    /// Ends the process with exit(3), which runs exit handlers of libraries.
    public func exit() -> Never {
        LogOutput.flush()
        Glibc.exit(rawValue)
    }

    /// Ends the process at once. libuv's exit handler waits for running name lookups, which may take longer than the
    /// supervisor waits. For a program that has closed its resources.
    public func exitNow() -> Never {
        LogOutput.flush()
        _exit(rawValue)
    }
}
