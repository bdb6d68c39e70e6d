internal import CLinux
internal import Glibc

/// Undoes what a careless parent may have left to us, and we to our children.
enum CleanStart {
    static func make() {
        openStandardDescriptors()
        // What else was left open is not ours to close, but none of our children's business either.
        _ = clinux_close_on_exec_from(UInt32(STDERR_FILENO) + 1)
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
