internal import CLibuv
internal import Glibc

/// Replaces the program of this process. The process id, the children and the current directory stay.
public enum ProgramChange {
    /// Executes a program in this process. Returns only if that fails, and then with everything unchanged.
    ///
    /// The present program runs no exit handlers. Signals are blocked; the new program unblocks them
    /// (`Loop.letSignalsIn`) when it can handle them.
    /// - Parameters:
    ///   - arguments: argv: the name it runs under, then its arguments.
    ///   - environment: the complete environment, as "NAME=value".
    ///   - descriptors: stay open with their numbers. All others that are close-on-exec are closed.
    public static func execute(
        _ executable: String, arguments: [String], environment: [String], keeping descriptors: [Int32]
    ) -> SystemFailure {
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, 0) }
        withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in _ = execve(executable, arguments, environment) }
        }
        let failure = SystemFailure(code: -errno)
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return failure
    }
}
