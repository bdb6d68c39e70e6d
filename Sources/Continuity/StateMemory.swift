public import Linux

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
    public static func make(name: String) throws(SystemCallFailure) -> Int32 {
        try SharedMemory.makeFile(name: name)
    }

    public init(descriptor: Int32) throws(SystemCallFailure) {
        bytes = try SharedMemory.map(descriptor, byteCount: StateMemory.byteCount)
        self.descriptor = descriptor
    }

    /// Looks at the memory of another process, which stays that one's.
    /// - Parameter body: must not keep the bytes.
    public static func withBytes<Result: ~Copyable, Failure: Error>(
        of descriptor: Int32, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let bytes = try? SharedMemory.map(descriptor, byteCount: byteCount) else { return nil }
        defer { SharedMemory.unmap(bytes) }
        return try body(UnsafeRawBufferPointer(bytes))
    }

    /// Gives the whole pages within `range` back to the system; they read as zero afterwards.
    public func release(_ range: Range<Int>) {
        let first = (range.lowerBound + StateMemory.pageBytes - 1) / StateMemory.pageBytes * StateMemory.pageBytes
        let end = range.upperBound / StateMemory.pageBytes * StateMemory.pageBytes
        guard first < end else { return }
        SharedMemory.release(descriptor, first..<end)
    }
}
