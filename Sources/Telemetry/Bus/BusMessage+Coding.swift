extension BusMessage {
    /// The message as bytes. (A shard does not use this for `events`: it copies them from its `EventLog`.)
    public func encoded() -> [UInt8] {
        switch self {
        case .events(let frame):
            BusMessage.frame(.events, frame.shard, frame.epoch, frame.first, frame.request, frame.events)
        case .liveMiners(let live):
            BusMessage.frame(
                .liveMiners, live.shard, live.epoch, live.from, live.request, live.miners.map { .joined($0) })
        case .replayEnd(let end):
            BusMessage.message(.replayEnd, end.shard, end.epoch, end.next, end.end, UInt64(end.request))
        case .replay(let request):
            BusMessage.message(.replay, request.shard, request.epoch, request.from, UInt64(request.number))
        case .acknowledge(let acknowledgement):
            BusMessage.message(
                .acknowledge, acknowledgement.shard, acknowledgement.epoch, acknowledgement.before)
        case .gauges(let gauges):
            BusMessage.encoded(gauges)
        }
    }

    /// Decodes a message of any kind. Every length and value is checked.
    public init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var reader = ByteReader(bytes)
        let magic = (try reader.integer(UInt8.self), try reader.integer(UInt8.self))
        guard magic == BusMessage.magic else { throw .wrongMagic }
        let code = try reader.integer(UInt8.self)
        let version = try reader.integer(UInt8.self)
        guard version == BusMessage.formatVersion else { throw .unsupportedVersion(version) }
        guard let kind = Kind(rawValue: code) else { throw .unknownRecord(code) }
        let shard = try reader.integer(UInt16.self)
        try reader.skip(2)
        let epoch = Epoch(high: try reader.integer(), low: try reader.integer())
        switch kind {
        case .events:
            let first = try reader.integer(UInt64.self)
            let (events, request) = try BusMessage.records(from: &reader, after: first)
            self = .events(EventFrame(shard: shard, epoch: epoch, first: first, events: events, request: request))
        case .liveMiners:
            let from = try reader.integer(UInt64.self)
            let (events, request) = try BusMessage.records(from: &reader, after: 0)
            let miners = try events.map { event throws(DecodingFailure) in
                guard case .joined(let miner) = event else { throw .invalidField }
                return miner
            }
            self = .liveMiners(LiveMiners(shard: shard, epoch: epoch, from: from, miners: miners, request: request))
        case .replayEnd:
            self = .replayEnd(
                ReplayEnd(
                    shard: shard, epoch: epoch, next: try reader.integer(), end: try reader.integer(),
                    request: try reader.integer()))
            try reader.skip(4)
        case .replay:
            self = .replay(
                ReplayRequest(
                    shard: shard, epoch: epoch, from: try reader.integer(), number: try reader.integer()))
            try reader.skip(4)
        case .acknowledge:
            self = .acknowledge(Acknowledgement(shard: shard, epoch: epoch, before: try reader.integer()))
        case .gauges:
            self = .gauges(try ShardGauges(shard: shard, epoch: epoch, from: &reader))
        }
        try reader.finish()
    }

    private static func records(
        from reader: inout ByteReader, after first: UInt64
    ) throws(DecodingFailure) -> (events: [ShardEvent], request: UInt32) {
        let count = Int(try reader.integer(UInt32.self))
        let request = try reader.integer(UInt32.self)
        // Checked before memory is reserved: a count can claim more than the bytes hold.
        guard count <= reader.remaining / RecordLayout.leftBytes else { throw .truncated }
        guard !first.addingReportingOverflow(UInt64(count)).overflow else { throw .invalidField }
        var events: [ShardEvent] = []
        events.reserveCapacity(count)
        for _ in 0..<count { events.append(try ShardEvent(from: &reader)) }
        return (events, request)
    }

    /// Appends the 40 bytes that precede the records of a frame.
    static func appendFrameHead(
        to bytes: inout [UInt8], _ kind: Kind, shard: UInt16, epoch: Epoch, first: UInt64, count: Int, request: UInt32
    ) {
        withUnsafeTemporaryAllocation(byteCount: frameHeadBytes, alignment: 8) { head in
            var writer = RecordWriter(head)
            putHead(kind, shard, epoch, to: &writer)
            writer.put(first)
            writer.put(UInt32(truncatingIfNeeded: count))
            writer.put(request)
            bytes.append(contentsOf: head)
        }
    }

    private static func putHead(_ kind: Kind, _ shard: UInt16, _ epoch: Epoch, to writer: inout RecordWriter) {
        writer.put(magic.0)
        writer.put(magic.1)
        writer.put(kind.rawValue)
        writer.put(formatVersion)
        writer.put(shard)
        writer.put(UInt16(0))
        writer.put(epoch.high)
        writer.put(epoch.low)
    }

    private static func frame(
        _ kind: Kind, _ shard: UInt16, _ epoch: Epoch, _ first: UInt64, _ request: UInt32,
        _ events: [ShardEvent]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        appendFrameHead(
            to: &bytes, kind, shard: shard, epoch: epoch, first: first, count: events.count, request: request)
        for event in events { bytes.append(contentsOf: event.encoded()) }
        return bytes
    }

    private static func encoded(_ gauges: ShardGauges) -> [UInt8] {
        let head = message(.gauges, gauges.shard, gauges.epoch)
        var writer = ByteWriter(capacity: gauges.encodedBytes)
        writer.append(head)
        gauges.encode(to: &writer)
        return writer.bytes
    }

    private static func message(_ kind: Kind, _ shard: UInt16, _ epoch: Epoch, _ values: UInt64...) -> [UInt8] {
        let byteCount = headBytes + values.count * 8
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            var writer = RecordWriter(UnsafeMutableRawBufferPointer(buffer))
            putHead(kind, shard, epoch, to: &writer)
            for value in values { writer.put(value) }
            initializedCount = byteCount
        }
    }
}

extension ShardEvent {
    var recordBytes: Int {
        switch self {
        case .joined(let joined): joined.recordBytes
        case .left: RecordLayout.leftBytes
        case .share: RecordLayout.shareBytes
        case .poolError(let error): error.recordBytes
        case .checkpoint: RecordLayout.checkpointBytes
        }
    }

    func encode(to writer: inout RecordWriter) {
        switch self {
        case .joined(let joined): joined.encode(to: &writer)
        case .left(let left): left.encode(to: &writer)
        case .share(let share): share.encode(to: &writer)
        case .poolError(let error): error.encode(to: &writer)
        case .checkpoint(let checkpoint): checkpoint.encode(to: &writer)
        }
    }

    /// The record alone, as in a frame.
    func encoded() -> [UInt8] {
        let byteCount = recordBytes
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            var writer = RecordWriter(UnsafeMutableRawBufferPointer(buffer))
            encode(to: &writer)
            initializedCount = byteCount
        }
    }
}
