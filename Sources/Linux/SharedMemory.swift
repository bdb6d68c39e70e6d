internal import CLinux
internal import Glibc

/// Files that are in memory only and have no name (memfd_create): what processes share by inheriting a descriptor.
public enum SharedMemory {
    /// A new empty file, close-on-exec. The caller closes it.
    /// - Parameter name: shown in /proc/PID/maps; need not be unique.
    public static func makeFile(name: String) throws(SystemCallFailure) -> Int32 {
        let descriptor = clinux_memory_file(name)
        guard descriptor >= 0 else { throw SystemCallFailure("memory file", code: errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    /// Gives the file `byteCount` bytes and maps all of them, shared and writable. Pages cost memory when they are first touched.
    public static func map(
        _ descriptor: Int32, byteCount: Int
    ) throws(SystemCallFailure) -> UnsafeMutableRawBufferPointer {
        guard let start = clinux_map_shared(descriptor, byteCount) else { throw SystemCallFailure("map", code: errno) }
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    public static func unmap(_ bytes: UnsafeMutableRawBufferPointer) {
        munmap(bytes.baseAddress, bytes.count)
    }

    /// Returns the pages of a range of the file to the system. The range reads as zero afterwards.
    public static func release(_ descriptor: Int32, _ range: Range<Int>) {
        _ = clinux_release_pages(descriptor, off_t(range.lowerBound), off_t(range.count))
    }
}
