/// The sender's half of the bus: numbers events, writes them once into a bounded ring, and keeps them there to be
/// published now and replayed later, until they are acknowledged as durable.
///
/// The ring is a circle of segments of fixed size. A record never straddles two of them, so every frame, live or
/// replayed, is a head and one copy of bytes as they lie here. When all segments are full the oldest is taken for the
/// newest events: what was dropped and never received is then repaired in the totals from the next checkpoint.
///
/// Appending an event that bears no text allocates nothing once the ring has its size, nor does publishing it.
public struct EventLog: Sendable {
    /// About 290,000 shares: five minutes of a thousand a second, for a collector that is away.
    public static let bytesMaxDefault = 16 * 1024 * 1024
    /// Small enough that dropping or sending one is no event, large enough for a turn of the loop to fit.
    static let segmentBytes = 64 * 1024
    /// The longest frame of events: a head and a whole segment.
    public static let frameBytesMax = segmentBytes + BusMessage.frameHeadBytes
    /// One answer to a replay request takes at most this many frames (1 MiB), so that a collector far behind does not
    /// hold up the miners; it asks again.
    static let replayFramesMax = 16

    public let shard: UInt16
    public let epoch: Epoch
    /// The sequence number of the next event.
    public private(set) var next: UInt64 = 0
    /// What the checkpoints say; counted here so that they agree with the stream by construction.
    public private(set) var counters = ShareCounters()
    /// Events that fell out of the full ring before anybody acknowledged them.
    public private(set) var droppedCount: UInt64 = 0

    /// Every event before this one is durable, as the collector has said to this process.
    public private(set) var acknowledged: UInt64 = 0

    /// Refused shares that are not in the ring yet.
    private(set) var refusals = RefusalSums()

    private let segmentBytes: Int
    private let segmentsMax: Int
    private var segments: [Segment] = []
    /// The place of the oldest segment in use, and how many are: they follow in a circle.
    private var head = 0
    private var used = 0

    private struct Segment: Sendable {
        var first: UInt64 = 0
        var count = 0
        var byteCount = 0
        /// What was handed out by `takeUnsent`.
        var sentCount = 0
        var sentBytes = 0
        var bytes: [UInt8]

        init(byteCount: Int) {
            bytes = [UInt8](repeating: 0, count: byteCount)
        }

        var end: UInt64 { first + UInt64(count) }
        var hasUnsent: Bool { sentCount < count }

        mutating func begin(at sequence: UInt64) {
            first = sequence
            count = 0
            byteCount = 0
            sentCount = 0
            sentBytes = 0
        }
    }

    /// - Parameter bytesMax: the size of the ring, at least two segments; memory is taken as it fills.
    public init(shard: UInt16, epoch: Epoch, bytesMax: Int = EventLog.bytesMaxDefault) {
        self.init(shard: shard, epoch: epoch, bytesMax: bytesMax, segmentBytes: EventLog.segmentBytes)
    }

    init(shard: UInt16, epoch: Epoch, bytesMax: Int, segmentBytes: Int) {
        precondition(segmentBytes >= RecordLayout.bytesMax)
        self.shard = shard
        self.epoch = epoch
        self.segmentBytes = segmentBytes
        segmentsMax = max(2, bytesMax / segmentBytes)
        segments.reserveCapacity(segmentsMax)
    }

    /// The oldest event that can still be replayed.
    public var oldest: UInt64 { used == 0 ? next : segments[head].first }

    // MARK: - Appending

    public mutating func append(_ share: ShareSettled) {
        counters.count(share)
        write(RecordLayout.shareBytes) { share.encode(to: &$0) }
    }

    /// Appends a share that a pool has judged. One that the proxy refused is summed, and appended with the next checkpoint or
    /// before its miner leaves.
    public mutating func settle(_ share: ShareSettled) {
        guard share.outcome == .invalid else { return append(share) }
        if refusals.isFull { appendRefusals() }
        if let full = refusals.add(share) { append(full) }
    }

    private mutating func appendRefusals() {
        guard !refusals.isEmpty else { return }
        var told = RefusalSums()
        swap(&told, &refusals)
        for share in told.sums where share.count > 0 { append(share) }
        told.removeAll()
        swap(&told, &refusals)
    }

    public mutating func append(_ joined: MinerJoined) {
        if !joined.hasMoved { counters.joined &+= 1 }
        write(joined.recordBytes) { joined.encode(to: &$0) }
    }

    public mutating func append(_ left: MinerLeft) {
        while let share = refusals.takeNext(of: left.key) { append(share) }
        write(RecordLayout.leftBytes) { left.encode(to: &$0) }
    }

    public mutating func append(_ error: PoolError) {
        write(error.recordBytes) { error.encode(to: &$0) }
    }

    /// - Parameter checkpoint: time and gauges; its counters are filled in from the events before it.
    public mutating func append(_ checkpoint: Checkpoint) {
        appendRefusals()
        var checkpoint = checkpoint
        checkpoint.counters = counters
        write(RecordLayout.checkpointBytes) { checkpoint.encode(to: &$0) }
    }

    @inline(__always)
    private mutating func write(_ byteCount: Int, _ body: (inout RecordWriter) -> Void) {
        if used == 0 || segments[place(used - 1)].byteCount + byteCount > segmentBytes { beginSegment() }
        let last = place(used - 1)
        let offset = segments[last].byteCount
        segments[last].bytes.withUnsafeMutableBytes { buffer in
            var writer = RecordWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]))
            body(&writer)
        }
        segments[last].byteCount = offset + byteCount
        segments[last].count += 1
        next += 1
    }

    private mutating func beginSegment() {
        if used == segmentsMax {
            droppedCount += UInt64(segments[head].count)
            dropOldest()
        }
        if used == segments.count {
            // The place after the newest is the place before the oldest: room is made there.
            segments.insert(Segment(byteCount: segmentBytes), at: head)
            if used > 0 { head = (head + 1) % segments.count }
        }
        used += 1
        segments[place(used - 1)].begin(at: next)
    }

    private mutating func dropOldest() {
        head = (head + 1) % segments.count
        used -= 1
    }

    private func place(_ index: Int) -> Int { (head + index) % segments.count }

    // MARK: - Sending

    /// Writes the oldest events not yet handed out into `frame` (its old content goes, its memory is used again).
    /// - Returns: false when there are none. Call until then.
    public mutating func takeUnsent(into frame: inout [UInt8]) -> Bool {
        frame.removeAll(keepingCapacity: true)
        var index = used - 1
        guard index >= 0, segments[place(index)].hasUnsent else { return false }
        while index > 0, segments[place(index - 1)].hasUnsent { index -= 1 }
        let found = place(index)
        appendFrame(
            of: segments[found], skipping: segments[found].sentCount, from: segments[found].sentBytes, answering: 0,
            to: &frame)
        segments[found].sentCount = segments[found].count
        segments[found].sentBytes = segments[found].byteCount
        return true
    }

    /// Frees what is durable. Word of another epoch, or of events that have not happened, comes from somebody who is
    /// mistaken, and one that is older than another changes nothing.
    public mutating func acknowledge(_ acknowledgement: Acknowledgement) {
        guard acknowledgement.epoch == epoch, acknowledgement.before <= next else { return }
        acknowledged = max(acknowledged, acknowledgement.before)
        while used > 0, segments[head].count > 0, segments[head].end <= acknowledgement.before,
            !segments[head].hasUnsent
        {
            dropOldest()
        }
    }

    /// Answers a request: the live miners first if events are missing, then frames, then where the answer ends.
    /// - Parameters:
    ///   - liveMiners: asked only when needed: every miner that has joined and not left.
    ///   - send: takes the messages of the answer, in order.
    public func answer(
        _ request: ReplayRequest, liveMiners: () -> [MinerJoined], send: ([UInt8]) -> Void
    ) {
        var from = request.epoch == epoch ? min(request.from, next) : 0
        if from < oldest {
            from = oldest
            let live = LiveMiners(shard: shard, epoch: epoch, from: from, miners: liveMiners(), request: request.number)
            send(BusMessage.liveMiners(live).encoded())
        }
        var frame: [UInt8] = []
        for _ in 0..<EventLog.replayFramesMax {
            guard let end = replayFrame(from: from, answering: request.number, into: &frame) else { break }
            send(frame)
            from = end
        }
        let end = ReplayEnd(shard: shard, epoch: epoch, next: from, end: next, request: request.number)
        send(BusMessage.replayEnd(end).encoded())
    }

    /// - Returns: the sequence number after the frame, or nil when `sequence` has not happened yet.
    private func replayFrame(from sequence: UInt64, answering request: UInt32, into frame: inout [UInt8]) -> UInt64? {
        guard sequence < next else { return nil }
        let index = (0..<used).partitioningIndex { segments[place($0)].end > sequence }
        guard index < used else { return nil }
        let segment = segments[place(index)]
        let skipped = Int(sequence - segment.first)
        var offset = 0
        for _ in 0..<skipped { offset += Int(segment.bytes[offset + 2]) | Int(segment.bytes[offset + 3]) << 8 }
        frame.removeAll(keepingCapacity: true)
        appendFrame(of: segment, skipping: skipped, from: offset, answering: request, to: &frame)
        return segment.end
    }

    private func appendFrame(
        of segment: Segment, skipping skipped: Int, from offset: Int, answering request: UInt32,
        to frame: inout [UInt8]
    ) {
        BusMessage.appendFrameHead(
            to: &frame, .events, shard: shard, epoch: epoch, first: segment.first + UInt64(skipped),
            count: segment.count - skipped, request: request)
        frame.append(contentsOf: segment.bytes[offset..<segment.byteCount])
    }
}

// MARK: - Coding

extension EventLog {
    var writtenSegments: [WrittenSegment] {
        (0..<used).map { index in
            let segment = segments[place(index)]
            return WrittenSegment(
                first: segment.first, count: segment.count, sentCount: segment.sentCount,
                sentBytes: segment.sentBytes, records: Array(segment.bytes[..<segment.byteCount]))
        }
    }

    /// Only for a log that is new.
    mutating func restore(
        next: UInt64, dropped: UInt64, counters: ShareCounters, segments written: [WrittenSegment],
        refusals: RefusalSums
    ) throws(DecodingFailure) {
        guard written.count <= segmentsMax else { throw .tooLong }
        var expected = written.first?.first ?? next
        for segment in written {
            guard segment.first == expected, segment.records.count <= segmentBytes else { throw .invalidField }
            expected += UInt64(segment.count)
            var restored = Segment(byteCount: segmentBytes)
            restored.first = segment.first
            restored.count = segment.count
            restored.byteCount = segment.records.count
            restored.sentCount = segment.sentCount
            restored.sentBytes = segment.sentBytes
            restored.bytes.replaceSubrange(..<segment.records.count, with: segment.records)
            segments.append(restored)
        }
        guard expected == next else { throw .invalidField }
        used = written.count
        self.next = next
        self.counters = counters
        self.refusals = refusals
        droppedCount = dropped
    }
}

extension Range<Int> {
    /// The first index for which `isSecond` holds, given that it holds for all after the first.
    fileprivate func partitioningIndex(where isSecond: (Int) -> Bool) -> Int {
        var low = lowerBound
        var high = upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if isSecond(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
