internal import CLibuv
internal import Glibc

/// Another program in this process: same process id, same children, same current directory.
public enum ProgramChange {
    /// Executes the program in the place of the present one. Returns only when that cannot be, with everything as it was.
    ///
    /// Nothing is finished first: whatever the present program does in order at its end, it does not do. Signals are kept
    /// waiting; the new program lets them in (`Loop.letSignalsIn`) when it can deal with them.
    /// - Parameters:
    ///   - arguments: the name it runs under, then its arguments.
    ///   - environment: "NAME=value", all of them.
    ///   - descriptors: stay open under their numbers; all others that are close-on-exec, as ours are, do not.
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
