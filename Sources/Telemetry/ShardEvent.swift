/// One record of a shard's event stream.
public enum ShardEvent: Equatable, Sendable {
    case joined(MinerJoined)
    case left(MinerLeft)
    case share(ShareSettled)
    case poolError(PoolError)
    case checkpoint(Checkpoint)
}

/// The first byte of a record.
enum RecordKind: UInt8 {
    case joined = 1
    case left = 2
    case share = 3
    case poolError = 4
    case checkpoint = 5
}

/// Writes the fields of one record into memory that has room for it; the writing half of docs/BUS.md.
///
/// The path of a share goes through here: no allocation, no text.
struct RecordWriter {
    private let target: UnsafeMutableRawBufferPointer
    private var offset = 0

    /// - Precondition: `target` holds as many bytes as will be put.
    init(_ target: UnsafeMutableRawBufferPointer) {
        self.target = target
    }

    @inline(__always)
    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        target.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        offset &+= MemoryLayout<Value>.size
    }

    /// The four bytes that begin every record: its kind, one byte of the kind's own, its whole length.
    @inline(__always)
    mutating func putHead(_ kind: RecordKind, _ own: UInt8 = 0, byteCount: Int) {
        precondition(byteCount <= target.count, "no room for the record")
        put(kind.rawValue)
        put(own)
        put(UInt16(truncatingIfNeeded: byteCount))
    }

    mutating func put(_ text: String, byteCount: Int) {
        for byte in text.utf8.prefix(byteCount) { put(byte) }
    }
}

enum RecordLayout {
    static let headBytes = 4
    static let joinedFixedBytes = 24
    static let leftBytes = 16
    static let shareBytes = 56
    static let poolErrorFixedBytes = 16
    static let checkpointBytes = 80
    /// The longest record: a miner with the longest names.
    static let bytesMax =
        joinedFixedBytes + MinerJoined.workerBytesMax + MinerJoined.ipBytesMax + MinerJoined.agentBytesMax
        + MinerJoined.userBytesMax + MinerJoined.rigIDBytesMax
}
