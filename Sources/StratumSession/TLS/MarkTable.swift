/// The marks of a shard's TLS connections (`RecordState.mark`), at the end of the memory of its journal: the digest of
/// all records that may have been written to each connection.
///
/// The process stores a mark before it writes a record to the kernel, and before it publishes a snapshot. Its successor
/// continues a connection only if its replay meets the mark (docs/decisions/0018-tls-records.md).
public struct MarkTable {
    /// One mark for each seat of the upstreams from `firstUpstreams` on, then one for each row of miners, then one for
    /// each seat of the first upstreams. The last two are where programs have them that know no further upstreams.
    private static let count = Limits.minersMax + Limits.upstreamsMax * Limits.poolSeatsMax
    private static let byteCount = count * MemoryLayout<UInt64>.size
    private static let firstUpstreams = 4_096
    private static let firstMiner = (Limits.upstreamsMax - firstUpstreams) * Limits.poolSeatsMax

    /// In place of a mark: the shard has closed the connection, so no other process continues it.
    public static let ended = UInt64.max

    private let memory: UnsafeMutableRawBufferPointer

    /// How many bytes at the end of a memory belong to the table: none when the memory is small. Without a table no TLS
    /// connection is continued.
    static func byteCount(inMemoryOf count: Int) -> Int { count >= 4 * byteCount ? byteCount : 0 }

    /// - Parameter memory: that of a `StateJournal`, as a whole.
    /// - Returns: nil when the memory has no table.
    public init?(endOf memory: UnsafeMutableRawBufferPointer) {
        let byteCount = MarkTable.byteCount(inMemoryOf: memory.count)
        guard byteCount > 0 else { return nil }
        self.memory = UnsafeMutableRawBufferPointer(rebasing: memory.suffix(byteCount))
    }

    /// One store: whenever the process ends, a mark is the former or the new one.
    public subscript(id: MinerID) -> UInt64 {
        get { memory.load(fromByteOffset: MarkTable.offset(of: id), as: UInt64.self) }
        nonmutating set { memory.storeBytes(of: newValue, toByteOffset: MarkTable.offset(of: id), as: UInt64.self) }
    }

    public subscript(id: PoolConnectionID) -> UInt64 {
        get { memory.load(fromByteOffset: MarkTable.offset(of: id), as: UInt64.self) }
        nonmutating set { memory.storeBytes(of: newValue, toByteOffset: MarkTable.offset(of: id), as: UInt64.self) }
    }

    private static func offset(of id: MinerID) -> Int {
        precondition(id.index < Limits.minersMax, "no such row")
        return (firstMiner + Int(id.index)) * MemoryLayout<UInt64>.size
    }

    private static func offset(of id: PoolConnectionID) -> Int {
        precondition(id.upstream < Limits.upstreamsMax, "no such upstream")
        let seat = Int(id.upstream) * Limits.poolSeatsMax + Int(id.pool)
        let isFirst = id.upstream < firstUpstreams
        let place = isFirst ? firstMiner + Limits.minersMax + seat : seat - firstUpstreams * Limits.poolSeatsMax
        return place * MemoryLayout<UInt64>.size
    }
}
