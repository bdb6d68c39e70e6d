internal import CLinux
internal import Glibc

/// Memory that outlives its process: where a shard keeps what its successor needs (`StateJournal` has the layout).
///
/// A file in memory (memfd) that the supervisor keeps open, mapped whole by the shard's process. It is far larger than what
/// is ever used of it: a page costs memory when it is first touched.
public final class StateMemory {
    /// Twice the state of 100,000 miners, each with a log of tens of megabytes.
    public static let byteCount = 1 << 30

    /// The whole of it; it stays mapped until the process ends.
    public let bytes: UnsafeMutableRawBufferPointer
    private let descriptor: Int32
    private static let pageBytes = 4096

    /// A new file, all zero; the caller hands it to the shards of one place, one after the other.
    public static func make(name: String) throws(HandoverFailure) -> Int32 {
        let descriptor = clinux_memory_file(name)
        guard descriptor >= 0 else { throw HandoverFailure("memory file", code: errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    public init(descriptor: Int32) throws(HandoverFailure) {
        guard let start = clinux_map_shared(descriptor, StateMemory.byteCount) else {
            throw HandoverFailure("map", code: errno)
        }
        self.descriptor = descriptor
        bytes = UnsafeMutableRawBufferPointer(start: start, count: StateMemory.byteCount)
    }

    /// Looks at the memory of another process, which stays that one's.
    /// - Parameter body: must not keep the bytes.
    public static func withBytes<Result: ~Copyable, Failure: Error>(
        of descriptor: Int32, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let start = clinux_map_shared(descriptor, byteCount) else { return nil }
        defer { munmap(start, byteCount) }
        return try body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }

    /// Gives the whole pages within `range` back to the system; they read as zero afterwards.
    public func release(_ range: Range<Int>) {
        let first = (range.lowerBound + StateMemory.pageBytes - 1) / StateMemory.pageBytes * StateMemory.pageBytes
        let end = range.upperBound / StateMemory.pageBytes * StateMemory.pageBytes
        guard first < end else { return }
        _ = clinux_release_pages(descriptor, off_t(first), off_t(end - first))
    }
}
