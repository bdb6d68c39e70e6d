internal import FoundationEssentials
internal import Glibc
internal import Linux

/// Repairs the descriptors and limits that the parent process left, and ignores signals that have no meaning here.
enum DescriptorHygiene {
    /// - Returns: other descriptors that the parent left open. It may want them open as long as this process runs, as
    ///   flock(1) does.
    static func make() -> [Int32] {
        openStandardDescriptors()
        forbidCoreFiles()
        // Their default action would end the service. libuv resets them to the default in children.
        for number in [SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let left = names.compactMap { Int32($0) }.filter { $0 > STDERR_FILENO && fcntl($0, F_GETFD) == 0 }
        // They stay open here, but children do not inherit them.
        ThisProcess.closeOnExec(from: STDERR_FILENO + 1)
        return left.sorted()
    }

    /// A core file would contain passwords, so none is written; children inherit the limit. One byte is too little for
    /// a core file, and with a core_pattern that starts with `|` it also keeps the kernel from starting that program; 0
    /// would start it. The hard limit is unchanged: `prlimit --core=unlimited --pid PID` allows a core file for a
    /// diagnosis.
    private static func forbidCoreFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(1, limit.rlim_max)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }

    /// Opens 0, 1 and 2 if they are closed. Otherwise a socket could get one of these numbers, and children would write
    /// their output to it.
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
