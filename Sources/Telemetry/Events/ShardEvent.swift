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

/// Writes the fields of one record into memory of sufficient size (docs/BUS.md).
///
/// Used for every share: does not allocate.
struct RecordWriter {
    private let target: UnsafeMutableRawBufferPointer
    private(set) var offset = 0

    /// - Precondition: `target` has room for all values that are put.
    init(_ target: UnsafeMutableRawBufferPointer) {
        self.target = target
    }

    @inline(__always)
    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        target.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        offset &+= MemoryLayout<Value>.size
    }

    /// The four bytes that begin every record: the kind, a byte whose meaning depends on the kind, the length of the
    /// record.
    @inline(__always)
    mutating func putHead(_ kind: RecordKind, _ own: UInt8 = 0, byteCount: Int) {
        precondition(byteCount <= target.count, "no room for the record")
        put(kind.rawValue)
        put(own)
        put(UInt16(truncatingIfNeeded: byteCount))
    }

    mutating func put(_ text: String, byteCount: Int) {
        var text = text
        text.withUTF8 {
            let target = UnsafeMutableRawBufferPointer(rebasing: target[offset...])
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[..<byteCount]))
        }
        offset &+= byteCount
    }

    // MARK: - Rows, which have no head and no length in advance

    /// A 16-bit byte count, then the text, truncated to `bytesMax`.
    mutating func put(_ text: String, bytesMax: Int) {
        let byteCount = text.utf8PrefixCount(max: bytesMax)
        put(UInt16(truncatingIfNeeded: byteCount))
        put(text, byteCount: byteCount)
    }

    /// As `ByteWriter.packed`.
    @inline(__always)
    mutating func putPacked(_ value: UInt64) {
        value.forEachPackedByte { put($0) }
    }

    /// Overwrites a value at an offset.
    mutating func put(_ value: UInt32, at place: Int) {
        target.storeBytes(of: value.littleEndian, toByteOffset: place, as: UInt32.self)
    }

    /// The bytes written so far.
    var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: target[..<offset]) }
}

enum RecordLayout {
    static let headBytes = 4
    static let joinedFixedBytes = 24
    static let leftBytes = 16
    static let shareBytes = 56
    static let poolErrorFixedBytes = 16
    static let checkpointBytes = 80
    /// The longest record: a miner with all texts of maximum length.
    static let bytesMax =
        joinedFixedBytes + MinerJoined.workerBytesMax + MinerJoined.ipBytesMax + MinerJoined.agentBytesMax
        + MinerJoined.userBytesMax + MinerJoined.rigIDBytesMax
}
