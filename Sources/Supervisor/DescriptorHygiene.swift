internal import FoundationEssentials
internal import Glibc
internal import Linux

/// Undoes what a careless parent may have left to us, and we to our children; ignores signals that mean nothing here.
enum DescriptorHygiene {
    /// - Returns: the descriptors that somebody has left open here for a reason of theirs (such as flock(1): to be held as long as
    ///   this process lives).
    static func make() -> [Int32] {
        openStandardDescriptors()
        forbidCoreFiles()
        // Their default would end the service. Children get the default again (libuv resets it).
        for number in [SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let left = names.compactMap { Int32($0) }.filter { $0 > STDERR_FILENO && fcntl($0, F_GETFD) == 0 }
        // What else was left open is not ours to close, but none of our children's business either.
        ThisProcess.closeOnExec(from: STDERR_FILENO + 1)
        return left.sorted()
    }

    /// A core file would hold passwords. The children inherit it. One byte is less than any core file needs, and to the kernel the sign
    /// not to start a program for it either (core_pattern with `|`); 0 would start that. The hard limit stays: who needs a core file for a
    /// diagnosis has `prlimit --core=unlimited --pid PID`.
    private static func forbidCoreFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(1, limit.rlim_max)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }

    /// Makes sure that 0, 1 and 2 are open, so that no socket of ours gets a number that children take for their output.
    private static func openStandardDescriptors() {
        while true {
            let descriptor = open("/dev/null", O_RDWR)
            guard (0...STDERR_FILENO).contains(descriptor) else {
                close(descriptor)
                return
            }
        }
    }
}
