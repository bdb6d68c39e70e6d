/// A change of the fold's state as stored in the journal. Applying the same records in the same order to the same
/// checkpoint gives the same state. Every change of saved state has a case here.
enum JournalRecord: Equatable, Sendable {
    /// The deliveries from one message of the shard.
    case heard([SequenceGate.Delivery])
    /// The shard sent nothing for too long.
    case fellSilent
    /// The number of further events that were replayed.
    case replayed(UInt64)
    /// The position up to which the stream of the shard is folded.
    case position(SavedShard.Position)
    /// Workers not seen since `unseenSince` were removed; workers without an accepted share, if not seen since
    /// `unproven`.
    case forgotWorkers(unseenSince: UInt64, unproven: UInt64)
    /// A process has loaded the saved state.
    case began(startedAt: UInt64)

    /// Incremented with every change below. The version of the bus records is written beside it.
    private static let formatVersion: UInt8 = 1

    private enum Kind: UInt8 {
        case heard, fellSilent, replayed, position, forgotWorkers, began, forgotUnproven
    }

    private enum NewsKind: UInt8 {
        case epochBegan, events, liveMiners, lost
    }

    // MARK: - Writing

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.integer(JournalRecord.formatVersion)
        writer.integer(BusMessage.formatVersion)
        switch self {
        case .heard(let news):
            writer.integer(Kind.heard.rawValue)
            for item in news { JournalRecord.append(item, to: &writer) }
        case .fellSilent: writer.integer(Kind.fellSilent.rawValue)
        case .replayed(let count):
            writer.integer(Kind.replayed.rawValue)
            writer.packed(count)
        case .position(let position):
            writer.integer(Kind.position.rawValue)
            position.epoch.pack(to: &writer)
            writer.packed(position.next)
        case .forgotWorkers(let time, let unproven):
            writer.integer((unproven == time ? Kind.forgotWorkers : .forgotUnproven).rawValue)
            writer.packed(time)
            if unproven != time { writer.packed(unproven) }
        case .began(let startedAt):
            writer.integer(Kind.began.rawValue)
            writer.packed(startedAt)
        }
        return writer.bytes
    }

    private static func append(_ news: SequenceGate.Delivery, to writer: inout ByteWriter) {
        switch news {
        case .epochBegan(let epoch):
            writer.integer(NewsKind.epochBegan.rawValue)
            epoch.pack(to: &writer)
        case .events(let epoch, let events):
            writer.integer(NewsKind.events.rawValue)
            epoch.pack(to: &writer)
            append(events, to: &writer)
        case .liveMiners(let epoch, let miners):
            writer.integer(NewsKind.liveMiners.rawValue)
            epoch.pack(to: &writer)
            append(miners.map { .joined($0) }, to: &writer)
        case .lost(let epoch, let count):
            writer.integer(NewsKind.lost.rawValue)
            epoch.pack(to: &writer)
            writer.packed(count)
        }
    }

    /// Writes all records into one block of memory: there are shares among them.
    private static func append(_ events: some Collection<ShardEvent>, to writer: inout ByteWriter) {
        writer.packed(UInt64(events.count))
        writer.append(byteCount: events.reduce(0) { $0 + $1.recordBytes }) { buffer in
            var records = RecordWriter(buffer)
            for event in events { event.encode(to: &records) }
        }
    }

    // MARK: - Reading

    init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var reader = ByteReader(bytes)
        try reader.version(JournalRecord.formatVersion)
        try reader.version(BusMessage.formatVersion)
        let code = try reader.integer(UInt8.self)
        guard let kind = Kind(rawValue: code) else { throw .unknownRecord(code) }
        switch kind {
        case .heard:
            var news: [SequenceGate.Delivery] = []
            while reader.remaining > 0 { news.append(try JournalRecord.news(from: &reader)) }
            self = .heard(news)
        case .fellSilent: self = .fellSilent
        case .replayed: self = .replayed(try reader.packed())
        case .position:
            let epoch = try Epoch(unpacking: &reader)
            self = .position(SavedShard.Position(epoch: epoch, next: try reader.packed()))
        case .forgotWorkers:
            let time = try reader.packed()
            self = .forgotWorkers(unseenSince: time, unproven: time)
        case .forgotUnproven:
            let time = try reader.packed()
            self = .forgotWorkers(unseenSince: time, unproven: try reader.packed())
        case .began: self = .began(startedAt: try reader.packed())
        }
        try reader.finish()
    }

    private static func news(from reader: inout ByteReader) throws(DecodingFailure) -> SequenceGate.Delivery {
        let code = try reader.integer(UInt8.self)
        guard let kind = NewsKind(rawValue: code) else { throw .unknownRecord(code) }
        let epoch = try Epoch(unpacking: &reader)
        switch kind {
        case .epochBegan: return .epochBegan(epoch)
        case .events: return .events(epoch, try events(from: &reader)[...])
        case .liveMiners:
            let miners = try events(from: &reader).map { event throws(DecodingFailure) in
                guard case .joined(let miner) = event else { throw .invalidField }
                return miner
            }
            return .liveMiners(epoch, miners)
        case .lost: return .lost(epoch, try reader.packed())
        }
    }

    private static func events(from reader: inout ByteReader) throws(DecodingFailure) -> [ShardEvent] {
        let count = try reader.packedCount(bytesEach: RecordLayout.leftBytes)
        var events: [ShardEvent] = []
        events.reserveCapacity(count)
        for _ in 0..<count { events.append(try ShardEvent(from: &reader)) }
        return events
    }
}
