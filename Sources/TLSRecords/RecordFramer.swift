public import StratumProtocol

/// Cuts a stream of ciphertext into records.
///
/// Chunks arrive as the network cut them. A record that lies whole within a chunk is handed on where it lies, and is
/// not changed there: the chunk may be part of a log that is replayed. Only an unfinished record is kept, at most
/// `RecordSize.recordBytesMax` bytes. An idle connection keeps nothing.
public struct RecordFramer: Sendable {
    private var partial: [UInt8] = []

    public init() {}

    /// Bytes of an unfinished record.
    public var partialCount: Int { partial.count }

    /// Takes a chunk and calls `record` for each record that it completes, in order.
    ///
    /// When `record` answers false, the rest of the chunk is left to the caller.
    /// - Returns: how many bytes of the chunk were taken; all of them unless `record` has answered false.
    /// - Throws: what `record` throws; `.unexpectedRecord` and `.recordTooLong` as soon as a head says so.
    @discardableResult
    public mutating func feed(
        _ chunk: Span<UInt8>, record: (Span<UInt8>) throws(RecordFault) -> Bool
    ) throws(RecordFault) -> Int {
        var start = 0
        if !partial.isEmpty {
            start = try fillPartial(from: chunk)
            guard let count = try RecordFramer.recordBytes(partial.span), count == partial.count else { return start }
            let whole = partial
            partial = []
            guard try record(whole.span) else { return start }
        }
        while start < chunk.count {
            let rest = chunk.extracting(start...)
            guard let count = try RecordFramer.recordBytes(rest), count <= rest.count else {
                partial.append(rest)
                return chunk.count
            }
            start += count
            guard try record(rest.extracting(0..<count)) else { return start }
        }
        return start
    }

    /// Takes what the unfinished record lacks: first the rest of its head, which says how much more there is.
    /// - Returns: how many bytes of the chunk were taken.
    private mutating func fillPartial(from chunk: Span<UInt8>) throws(RecordFault) -> Int {
        var taken = min(max(RecordSize.headBytes - partial.count, 0), chunk.count)
        partial.append(chunk.extracting(0..<taken))
        guard let whole = try RecordFramer.recordBytes(partial.span) else { return taken }
        let lacking = min(whole - partial.count, chunk.count - taken)
        partial.reserveCapacity(whole)
        partial.append(chunk.extracting(taken..<(taken + lacking)))
        taken += lacking
        return taken
    }

    /// The length of the record that begins `bytes`, head included; nil when that is not known yet.
    private static func recordBytes(_ bytes: Span<UInt8>) throws(RecordFault) -> Int? {
        guard bytes.count > 0 else { return nil }
        guard bytes[0] == ContentType.applicationData.rawValue else { throw .unexpectedRecord(type: bytes[0]) }
        guard bytes.count >= RecordSize.headBytes else { return nil }
        let body = Int(bytes[3]) << 8 | Int(bytes[4])
        guard body <= RecordSize.bodyBytesMax else { throw .recordTooLong(body) }
        return RecordSize.headBytes + body
    }
}

// MARK: - Written form

extension RecordFramer {
    public func encode(into form: inout BinaryWriter) {
        form.bytes(partial)
    }

    public init(decoding form: inout BinaryReader) throws(DecodingFault) {
        let bytes = try form.bytes(max: RecordSize.recordBytesMax - 1, "records.partial")
        partial = Array(bytes)
        do throws(RecordFault) {
            guard let whole = try RecordFramer.recordBytes(partial.span), whole <= partial.count else { return }
        } catch {}
        throw .badField("records.partial")
    }
}
