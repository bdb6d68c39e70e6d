/// The messages between a shard and its collector (docs/BUS.md). Each is one ZeroMQ message part and begins with the
/// same 24 bytes: "MR", kind, version, shard, two spare bytes, epoch.
public enum BusMessage: Equatable, Sendable {
    /// Shard → everybody: events as they happen; also the answer to `replay`.
    case events(EventFrame)
    /// Shard → collector: what came before `from` is gone; these miners live now; the events from `from` on follow.
    case liveMiners(LiveMiners)
    /// Shard → collector: an answer to `replay` ends here.
    case replayEnd(ReplayEnd)
    /// Collector → shard: send again from here on.
    case replay(ReplayRequest)
    /// Collector → shard: everything before is durable and need not be kept.
    case acknowledge(Acknowledgement)
    /// Shard → everybody: what is so just now, beside the numbered events.
    case gauges(ShardGauges)

    /// Raised with every change of a layout.
    public static let formatVersion: UInt8 = 2
    static let magic: (UInt8, UInt8) = (0x4d, 0x52)  // "MR"
    static let headBytes = 24
    /// Bytes before the first record of `events` and `liveMiners`.
    static let frameHeadBytes = 40

    enum Kind: UInt8 {
        case events = 1
        case liveMiners = 2
        case replayEnd = 3
        case replay = 4
        case acknowledge = 5
        /// 6 was the gauges of an earlier layout.
        case gauges = 7
    }
}

/// Consecutive events of one epoch: what one turn of the shard's loop has gathered.
public struct EventFrame: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// The sequence number of the first event; the others follow one by one.
    public var first: UInt64
    public var events: [ShardEvent]
    /// The number of the request that this answers; 0 = none, it is live.
    public var request: UInt32
    /// The sequence number after the last event.
    public var end: UInt64 { first + UInt64(events.count) }

    public init(shard: UInt16, epoch: Epoch, first: UInt64, events: [ShardEvent], request: UInt32 = 0) {
        self.shard = shard
        self.epoch = epoch
        self.first = first
        self.events = events
        self.request = request
    }
}

public struct LiveMiners: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// Where the stream of events can be taken up.
    public var from: UInt64
    public var miners: [MinerJoined]
    /// The number of the request that this answers.
    public var request: UInt32

    public init(shard: UInt16, epoch: Epoch, from: UInt64, miners: [MinerJoined], request: UInt32 = 0) {
        self.shard = shard
        self.epoch = epoch
        self.from = from
        self.miners = miners
        self.request = request
    }
}

public struct ReplayEnd: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// The sequence number after the last event of this answer.
    public var next: UInt64
    /// The sequence number that the shard's next event will have. Greater than `next`: ask again.
    public var end: UInt64
    /// The number of the request that this answers.
    public var request: UInt32

    public init(shard: UInt16, epoch: Epoch, next: UInt64, end: UInt64, request: UInt32 = 0) {
        self.shard = shard
        self.epoch = epoch
        self.next = next
        self.end = end
        self.request = request
    }
}

public struct ReplayRequest: Equatable, Sendable {
    public var shard: UInt16
    /// The epoch that `from` counts in; a shard of another one answers from its own beginning.
    public var epoch: Epoch
    public var from: UInt64
    /// Grows by one with each request of one receiver; the answer repeats it. Never 0.
    public var number: UInt32

    public init(shard: UInt16, epoch: Epoch, from: UInt64, number: UInt32) {
        self.shard = shard
        self.epoch = epoch
        self.from = from
        self.number = number
    }
}

public struct Acknowledgement: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// The first sequence number that is not yet durable.
    public var before: UInt64

    public init(shard: UInt16, epoch: Epoch, before: UInt64) {
        self.shard = shard
        self.epoch = epoch
        self.before = before
    }
}
