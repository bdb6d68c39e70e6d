internal import CLinux
internal import FoundationEssentials
internal import Glibc

/// Undoes what a careless parent may have left to us, and we to our children; ignores signals that mean nothing here.
enum CleanStart {
    /// - Returns: the descriptors that somebody has left open here for a reason of theirs (such as flock(1): to be held as long as
    ///   this process lives).
    static func make() -> [Int32] {
        openStandardDescriptors()
        // Their default would end the service. Children get the default again (libuv resets it).
        for number in [SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let left = names.compactMap { Int32($0) }.filter { $0 > STDERR_FILENO && fcntl($0, F_GETFD) == 0 }
        // What else was left open is not ours to close, but none of our children's business either.
        _ = clinux_close_on_exec_from(UInt32(STDERR_FILENO) + 1)
        return left.sorted()
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
