/// The sending side of the bus. It numbers events, writes each one once into a bounded ring, publishes them from there,
/// and keeps them for replay until they are acknowledged as durable.
///
/// The ring consists of segments of a fixed size. A record never crosses a segment boundary, so every frame, live or
/// replayed, is a head and one copy of bytes of a segment. When all segments are full, the newest events replace the
/// oldest segment. If the collector never received its events, the next checkpoint corrects the totals.
///
/// Once the ring has its full size, appending an event without text does not allocate, nor does publishing it.
public struct EventLog: Sendable {
    /// About 290,000 shares: five minutes at a thousand a second while the collector is down.
    public static let bytesMaxDefault = 16 * 1024 * 1024
    /// Small enough to drop or send at little cost, large enough for the events of one loop turn.
    static let segmentBytes = 64 * 1024
    /// The longest frame of events: a head and a full segment.
    public static let frameBytesMax = segmentBytes + BusMessage.frameHeadBytes
    /// Frames in one answer to a replay request (1 MiB), so that a collector that is far behind does not delay the
    /// miners. The collector asks again.
    static let replayFramesMax = 16

    public let shard: UInt16
    public let epoch: Epoch
    /// The sequence number of the next event.
    public private(set) var next: UInt64 = 0
    /// The counters of checkpoints. They are counted here so that they always agree with the stream.
    public private(set) var counters = ShareCounters()
    /// Events that were overwritten in the full ring before they were acknowledged.
    public private(set) var droppedCount: UInt64 = 0

    /// All events before this one are durable, according to the collector's last acknowledgement to this process.
    public private(set) var acknowledged: UInt64 = 0

    /// Refused shares that are not in the ring yet.
    private(set) var refusals = RefusalSums()

    private let segmentBytes: Int
    private let segmentsMax: Int
    private var segments: [Segment] = []
    /// The index of the oldest used segment and the number of used segments, which follow it in the ring.
    private var head = 0
    private var used = 0

    private struct Segment: Sendable {
        var first: UInt64 = 0
        var count = 0
        var byteCount = 0
        /// The part that `takeUnsent` has returned.
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

    /// - Parameter bytesMax: the size of the ring, at least two segments. Memory is allocated as it fills.
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

    /// Appends a share that a pool has answered. A share that the proxy refused is added to a sum, which is appended
    /// with the next checkpoint or before its miner leaves.
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

    /// Appends a login, or a miner that has moved here (`hasMoved`), which does not count as a login.
    public mutating func append(_ joined: MinerJoined) {
        if !joined.hasMoved { counters.joined &+= 1 }
        write(joined.recordBytes) { joined.encode(to: &$0) }
    }

    /// Appends the sums of the refused shares of this miner, then the event that it left.
    public mutating func append(_ left: MinerLeft) {
        while let share = refusals.takeNext(of: left.key) { append(share) }
        write(RecordLayout.leftBytes) { left.encode(to: &$0) }
    }

    public mutating func append(_ error: PoolError) {
        write(error.recordBytes) { error.encode(to: &$0) }
    }

    /// - Parameter checkpoint: time and gauges. Its counters are set to those of the events before it.
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
            // The index after the newest segment is the index of the oldest one: insert there.
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

    /// Writes the oldest unsent events into `frame`, whose content is replaced and whose memory is reused.
    /// - Returns: false when there are no unsent events. Call it until then.
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

    /// Frees durable events. An acknowledgement of another epoch, or of events that do not exist, is a mistake of the
    /// sender and ignored. An outdated one changes nothing.
    public mutating func acknowledge(_ acknowledgement: Acknowledgement) {
        guard acknowledgement.epoch == epoch, acknowledgement.before <= next else { return }
        acknowledged = max(acknowledged, acknowledgement.before)
        while used > 0, segments[head].count > 0, segments[head].end <= acknowledgement.before,
            !segments[head].hasUnsent
        {
            dropOldest()
        }
    }

    /// Answers a replay request: the live miners first if events are missing, then frames, then the end of the answer.
    /// - Parameters:
    ///   - liveMiners: all miners that have joined and not left. Called only when events are missing.
    ///   - send: receives the messages of the answer in order.
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

    /// - Returns: the sequence number after the frame; nil when `sequence` is not in the log yet.
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

    /// Restores the state of a new log.
    /// - Precondition: nothing has been appended.
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
    /// The first index for which `isSecond` is true, provided that it is true for all indices after that.
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
