/// The truth at one moment, as the collector knows it and the gateway serves it.
public struct Snapshot: Equatable, Sendable {
    /// Grows by one with each snapshot of one collector process.
    public var sequence: UInt64 = 0
    /// Milliseconds since 1970.
    public var time: UInt64 = 0
    /// When the present service started, in milliseconds since 1970.
    public var startedAt: UInt64 = 0
    /// How long the service has run, over all its starts that the counters go back to: the `uptime` of the API's
    /// summaries, and what averages over all time (`avg_time`, `Hashrates.allTime`) divide by. Without a database it
    /// begins with the present start.
    public var servedMilliseconds: UInt64 = 0
    public var results = Results()
    /// All workers together.
    public var hashrates = Hashrates()
    public var minersNow: UInt32 = 0
    /// Miners that have logged in and wait for their first job: not in `minersNow`.
    public var minersWaiting: UInt32 = 0
    /// The most miners at one time, over all starts of the service.
    public var minersMax: UInt32 = 0
    public var upstreams = UpstreamCounts()
    public var shards: [ShardRow] = []
    /// Every worker that is remembered, in the order of first appearance, as they travel and are kept.
    public var packedWorkers = PackedRows()
    /// All upstreams of the shards that are live, by shard and id.
    public var openUpstreams: [UpstreamRow] = []
    /// Addresses of the pools that the live shards have: the configured ones in their order, then former ones that still
    /// have connections. `UpstreamGauge.pool` is an index into this list.
    public var pools: [String] = []
    /// Of the pools in the same order, of all live shards together; as many as there are pools, or none.
    public var poolConditions: [PoolCondition] = []
    /// Connected miners whose shares are not forwarded, because the pool rejects them.
    public var minersQuarantined: UInt32 = 0
    public var database = Database()

    public init() {}

    /// In `UpstreamGauge.pool`: a pool that is not in the list.
    public static let unknownPool = UInt8.max

    /// The place of a pool in the list; it is added when it is not there.
    mutating func place(of pool: String) -> UInt8 {
        if let place = pools.firstIndex(of: pool) { return UInt8(clamping: place) }
        guard pools.count < Int(Snapshot.unknownPool) else { return Snapshot.unknownPool }
        pools.append(pool)
        poolConditions.append(PoolCondition())
        return UInt8(pools.count - 1)
    }

    /// Every worker that is remembered, in the order of first appearance. Read from `packedWorkers` with each call.
    public var workers: [WorkerRow] {
        get { Array(packedWorkers) }
        set { packedWorkers = PackedRows(newValue) }
    }

    /// True when events are missing that a window of so many seconds reaches back to: its rate is too low.
    public func isIncomplete(windowSeconds: UInt64) -> Bool {
        guard results.lastLossAt > 0 else { return false }
        return time < results.lastLossAt || (time - results.lastLossAt) / 1_000 < windowSeconds
    }

    /// How it stands with the file that makes the statistics outlive the processes.
    public struct Database: Equatable, Sendable {
        public enum State: UInt8, Sendable, CaseIterable {
            /// Everything older than a few seconds is in it.
            case durable = 0
            /// It cannot be written just now (a full disk, …): nothing is lost while the shards live, and it is tried again.
            case failing = 1
            /// There is none: it was written by a newer version, or its place cannot be used at all.
            case off = 2
        }

        public var state = State.durable
        /// Why, in words for the operator; empty when all is well. Also names a damaged file that was set aside.
        public var message = ""
        /// Milliseconds since 1970 of the last commit; 0 = none yet.
        public var committedAt: UInt64 = 0

        public static let messageBytesMax = 512

        public init() {}
    }

    /// Counters over all shares, over all starts of the service (docs/COMPATIBILITY.md, "Statistics").
    public struct Results: Equatable, Sendable {
        public var accepted: UInt64 = 0
        public var rejected: UInt64 = 0
        public var invalid: UInt64 = 0
        public var expired: UInt64 = 0
        public var hashesTotal: UInt64 = 0
        /// The upper median of the pool's answer times over accepted shares, in milliseconds.
        public var latencyMilliseconds: UInt32 = 0
        /// The ten highest difficulties that hashes of accepted shares really had, descending, zero padded.
        public var best = [UInt64](repeating: 0, count: Results.bestCount)
        /// The most recent distinct texts of pool errors, newest first.
        public var errors: [ErrorLogEntry] = []
        /// Shares that were rejected or invalid, by reason. What a checkpoint repairs has no reason: then it is in the
        /// counters above only.
        public var refusals = RefusalCounts<UInt64>()
        /// Miners that have logged in, each login anew.
        public var joined: UInt64 = 0
        /// The times within which 50, 90 and 99 of 100 accepted shares were answered by the pool, in milliseconds.
        public var latencyPercentiles = LatencyPercentiles()
        /// All those times together, and how many there are.
        public var latencySumMilliseconds: UInt64 = 0
        public var latencyCount: UInt64 = 0
        /// Milliseconds since 1970: the latest moment from which events are missing for good; 0 = none ever.
        public var lastLossAt: UInt64 = 0

        public static let bestCount = 10

        public init() {}
    }

    /// In milliseconds.
    public struct LatencyPercentiles: Equatable, Sendable {
        public var p50: UInt32 = 0
        public var p90: UInt32 = 0
        public var p99: UInt32 = 0

        public init() {}
    }

    /// How often a pool has said `text`.
    public struct ErrorLogEntry: Equatable, Sendable {
        public var count: UInt64
        public var text: String

        public init(count: UInt64, text: String) {
            self.count = count
            self.text = text
        }
    }

    public struct ShardRow: Equatable, Sendable {
        public var shard: UInt16
        /// False when nothing was heard of it for `Statistics.silenceMillisecondsMax`.
        public var isLive: Bool
        public var minersNow: UInt32
        public var upstreams: UpstreamCounts
        /// Events that were lost on the way and could not be had again.
        public var eventsLost: UInt64
        /// Events that were missed at first, and had by asking for them.
        public var eventsReplayed: UInt64 = 0
        /// All TCP connections of miners, logged in or not.
        public var connections: UInt32 = 0
        /// Logged in, and waiting for a first job.
        public var minersWaiting: UInt32 = 0
        /// `ShardGauges.losesMinersOnCrash`
        public var losesMinersOnCrash = false
        /// `ShardGauges.closed`
        public var closed = ClosedConnections()
        /// `ShardGauges.loopDelayMicroseconds`
        public var loopDelayMicroseconds: UInt32 = 0
        /// What of the totals came from this shard, over all its lives.
        public var counters = ShareCounters()

        public init(shard: UInt16, isLive: Bool, minersNow: UInt32, upstreams: UpstreamCounts, eventsLost: UInt64) {
            self.shard = shard
            self.isLive = isLive
            self.minersNow = minersNow
            self.upstreams = upstreams
            self.eventsLost = eventsLost
        }
    }

    /// One upstream.
    public struct UpstreamRow: Equatable, Sendable {
        public var shard: UInt16
        public var gauge: UpstreamGauge

        public init(shard: UInt16, gauge: UpstreamGauge) {
            self.shard = shard
            self.gauge = gauge
        }
    }

    /// One row of the workers table (13 columns: docs/COMPATIBILITY.md, "API of 2.4"), and what we know besides.
    public struct WorkerRow: Equatable, Sendable {
        public var name: String
        /// Where its last login came from.
        public var ip: String
        /// Live connections.
        public var connections: UInt32
        public var accepted: UInt64
        public var rejected: UInt64
        public var invalid: UInt64
        public var hashes: UInt64
        /// Milliseconds since 1970 of the last accepted share; 0 = none yet.
        public var lastShareAt: UInt64
        public var hashrates: Hashrates
        /// Names the worker in the history; never given to another one.
        public var id: UInt32 = 0
        /// Milliseconds since 1970: the last login, share or logout; now while it is connected.
        public var lastSeenAt: UInt64 = 0
        /// Its shares that were rejected or invalid, by reason.
        public var refusals = RefusalCounts<UInt32>()

        public init(name: String, ip: String) {
            self.name = name
            self.ip = ip
            connections = 0
            accepted = 0
            rejected = 0
            invalid = 0
            hashes = 0
            lastShareAt = 0
            hashrates = Hashrates()
        }
    }
}

/// Sums of credited difficulty over time windows, as rates in hashes per second. The division is always by the whole
/// window, so a rate climbs after the start (docs/COMPATIBILITY.md, "Statistics"); JSON shows kH/s.
public struct Hashrates: Equatable, Sendable {
    public var oneMinute = 0.0
    public var tenMinutes = 0.0
    public var oneHour = 0.0
    public var twelveHours = 0.0
    public var oneDay = 0.0
    /// Over all the time that the service has run (`Snapshot.servedMilliseconds`).
    public var allTime = 0.0

    public init() {}

    /// In the order of the API's columns; the documents of 2.4 show the first five.
    public var all: [Double] { [oneMinute, tenMinutes, oneHour, twelveHours, oneDay, allTime] }
}
