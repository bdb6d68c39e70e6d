/// The messages between a shard and its collector (docs/BUS.md). Each is one ZeroMQ message part and begins with the
/// same 24 bytes: "MR", kind, version, shard, two spare bytes, epoch.
public enum BusMessage: Equatable, Sendable {
    /// Shard → all subscribers: events as they happen; also the answer to `replay`.
    case events(EventFrame)
    /// Shard → collector: events before `from` are no longer available. `miners` are connected now; the events from
    /// `from` follow.
    case liveMiners(LiveMiners)
    /// Shard → collector: the end of an answer to `replay`.
    case replayEnd(ReplayEnd)
    /// Collector → shard: send the events from a sequence number again.
    case replay(ReplayRequest)
    /// Collector → shard: all events before a sequence number are durable; the shard can free them.
    case acknowledge(Acknowledgement)
    /// Shard → all subscribers: current values, outside the numbered events.
    case gauges(ShardGauges)

    /// Incremented with every change of the layout.
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
        /// 6 was `gauges` in an earlier layout.
        case gauges = 7
    }
}

/// Consecutive events of one epoch, collected in one turn of the shard's event loop.
public struct EventFrame: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// The sequence number of the first event. The others follow without gaps.
    public var first: UInt64
    public var events: [ShardEvent]
    /// The number of the request that this frame answers; 0 = a live frame.
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

/// The miners that are connected when events before `from` are no longer available.
public struct LiveMiners: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// The sequence number from which events are available.
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

/// The end of an answer to a `ReplayRequest`.
public struct ReplayEnd: Equatable, Sendable {
    public var shard: UInt16
    public var epoch: Epoch
    /// The sequence number after the last event of this answer.
    public var next: UInt64
    /// The sequence number of the shard's next event. When it is greater than `next`, the receiver asks again.
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

/// Asks a shard for the events from `from` on.
public struct ReplayRequest: Equatable, Sendable {
    public var shard: UInt16
    /// The epoch of `from`. A shard with another epoch answers from its oldest event.
    public var epoch: Epoch
    public var from: UInt64
    /// Incremented with each request of a receiver; the answer repeats it. Never 0.
    public var number: UInt32

    public init(shard: UInt16, epoch: Epoch, from: UInt64, number: UInt32) {
        self.shard = shard
        self.epoch = epoch
        self.from = from
        self.number = number
    }
}

/// Confirms that the events before `before` are stored.
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
