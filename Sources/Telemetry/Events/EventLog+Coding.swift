/// The encoded state of a log. A successor restores it and continues the same epoch; receivers see no difference.
///
/// | bytes | field |
/// |---|---|
/// | 4 | "MREL" |
/// | 1 | version, 1 |
/// | 1 | 0 |
/// | 2 | the number of the source |
/// | 16 | epoch, its higher half first |
/// | 8 | sequence number of the next event |
/// | 8 | events dropped |
/// | 48 | counters: accepted, rejected, invalid, expired, hashes, joined |
/// | 4 | how many segments follow, oldest first |
///
/// Each segment: first sequence number (8), number of events (4), number of bytes (4), events sent (4), bytes sent (4),
/// the records. If shares were refused since the last checkpoint, their sums follow: the number of sums (4), and for
/// each sum the number of shares not reported yet (4) and the record of a share (56).
extension EventLog {
    static let formMagic: [UInt8] = Array("MREL".utf8)
    static let codingVersion: UInt8 = 1
    /// Larger sequence numbers are corrupt: at a million events a second, reaching this takes a hundred thousand years.
    private static let numberMax: UInt64 = 1 << 62

    /// Restores the encoded state of a log.
    /// - Parameter bytesMax: the size of the ring, as in `init(shard:epoch:bytesMax:)`.
    public init(written bytes: [UInt8], bytesMax: Int = EventLog.bytesMaxDefault) throws(DecodingFailure) {
        var reader = ByteReader(bytes)
        for expected in EventLog.formMagic {
            guard try reader.integer(UInt8.self) == expected else { throw .wrongMagic }
        }
        let version = try reader.integer(UInt8.self)
        guard version == EventLog.codingVersion else { throw .unsupportedVersion(version) }
        try reader.skip(1)
        let shard = try reader.integer(UInt16.self)
        let epoch = Epoch(high: try reader.integer(), low: try reader.integer())
        self.init(shard: shard, epoch: epoch, bytesMax: bytesMax)
        let next = try reader.integer(UInt64.self)
        let dropped = try reader.integer(UInt64.self)
        guard next <= EventLog.numberMax, dropped <= next else { throw .invalidField }
        let counters = try ShareCounters(from: &reader)
        let segments = try EventLog.segments(from: &reader)
        let refusals = reader.remaining > 0 ? try RefusalSums(from: &reader) : RefusalSums()
        try restore(next: next, dropped: dropped, counters: counters, segments: segments, refusals: refusals)
        try reader.finish()
    }

    /// One encoded segment.
    struct WrittenSegment {
        var first: UInt64
        var count: Int
        var sentCount: Int
        var sentBytes: Int
        var records: [UInt8]
    }

    private static func segments(from reader: inout ByteReader) throws(DecodingFailure) -> [WrittenSegment] {
        let count = Int(try reader.integer(UInt32.self))
        guard count <= reader.remaining / 24 else { throw .truncated }
        var segments: [WrittenSegment] = []
        for _ in 0..<count {
            let first = try reader.integer(UInt64.self)
            let events = Int(try reader.integer(UInt32.self))
            let bytes = Int(try reader.integer(UInt32.self))
            let sentCount = Int(try reader.integer(UInt32.self))
            let sentBytes = Int(try reader.integer(UInt32.self))
            let segment = WrittenSegment(
                first: first, count: events, sentCount: sentCount, sentBytes: sentBytes,
                records: try reader.bytes(count: bytes))
            guard segment.isSound else { throw .invalidField }
            segments.append(segment)
        }
        return segments
    }

    /// The encoded state of the log, for `init(written:bytesMax:)` of a successor.
    public func written() -> [UInt8] {
        let segments = writtenSegments
        var writer = ByteWriter(
            capacity: 128 + refusals.snapshotBytes + segments.reduce(0) { $0 + 24 + $1.records.count })
        writer.append(EventLog.formMagic)
        writer.integer(EventLog.codingVersion)
        writer.integer(UInt8(0))
        writer.integer(shard)
        writer.integer(epoch.high)
        writer.integer(epoch.low)
        writer.integer(next)
        writer.integer(droppedCount)
        counters.encode(to: &writer)
        writer.integer(UInt32(segments.count))
        for segment in segments {
            writer.integer(segment.first)
            writer.integer(UInt32(segment.count))
            writer.integer(UInt32(segment.records.count))
            writer.integer(UInt32(segment.sentCount))
            writer.integer(UInt32(segment.sentBytes))
            writer.append(segment.records)
        }
        refusals.encode(to: &writer)
        return writer.bytes
    }
}

extension EventLog.WrittenSegment {
    /// The records fill `records` exactly, and `sentBytes` is the end of a record: a replay steps through them by their
    /// lengths.
    fileprivate var isSound: Bool {
        // The log never starts a segment without an event, and each restored segment allocates its full size.
        guard count > 0, sentCount <= count else { return false }
        var offset = 0
        var seen = 0
        while offset < records.count {
            if seen == sentCount, offset != sentBytes { return false }
            guard offset + RecordLayout.headBytes <= records.count else { return false }
            let size = Int(records[offset + 2]) | Int(records[offset + 3]) << 8
            guard size >= RecordLayout.headBytes else { return false }
            offset += size
            seen += 1
        }
        let allSent = sentCount < count || sentBytes == records.count
        return offset == records.count && seen == count && allSent
            && !first.addingReportingOverflow(UInt64(count)).overflow
    }
}

extension ShareCounters {
    fileprivate func encode(to writer: inout ByteWriter) {
        for number in [accepted, rejected, invalid, expired, hashesTotal, joined] { writer.integer(number) }
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        self.init()
        accepted = try reader.integer()
        rejected = try reader.integer()
        invalid = try reader.integer()
        expired = try reader.integer()
        hashesTotal = try reader.integer()
        joined = try reader.integer()
    }
}
