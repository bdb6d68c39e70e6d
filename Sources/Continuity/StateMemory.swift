public import Linux

/// Memory that survives its process, for the saved state of a shard (`StateJournal` defines the layout).
///
/// It is a memory file (memfd) that the supervisor keeps open, and the shard's process maps as a whole. It is much
/// larger than needed, because a page uses memory only once it is touched.
public final class StateMemory {
    /// Twice the state of 100,000 miners, each with a log of tens of megabytes.
    public static let byteCount = 1 << 30

    /// The whole file, mapped until the process ends.
    public let bytes: UnsafeMutableRawBufferPointer
    private let descriptor: Int32
    private static let pageBytes = 4096

    public init(descriptor: Int32) throws(SystemCallFailure) {
        bytes = try SharedMemory.map(descriptor, byteCount: StateMemory.byteCount)
        self.descriptor = descriptor
    }

    /// Maps the memory of another process for the duration of `body`; nil when that is impossible.
    /// - Parameter body: must not keep the bytes.
    public static func withBytes<Result: ~Copyable, Failure: Error>(
        of descriptor: Int32, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let bytes = try? SharedMemory.map(descriptor, byteCount: byteCount) else { return nil }
        defer { SharedMemory.unmap(bytes) }
        return try body(UnsafeRawBufferPointer(bytes))
    }

    /// Returns the whole pages within `range` to the system; they read as zero afterwards.
    public func release(_ range: Range<Int>) {
        let first = (range.lowerBound + StateMemory.pageBytes - 1) / StateMemory.pageBytes * StateMemory.pageBytes
        let end = range.upperBound / StateMemory.pageBytes * StateMemory.pageBytes
        guard first < end else { return }
        SharedMemory.release(descriptor, first..<end)
    }
}
