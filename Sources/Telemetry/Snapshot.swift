/// The truth at one moment, as the collector knows it and the gateway serves it.
public struct Snapshot: Equatable, Sendable {
    /// Grows by one with each snapshot of one collector process.
    public var sequence: UInt64 = 0
    /// Milliseconds since 1970.
    public var time: UInt64 = 0
    /// When the service started, in milliseconds since 1970; `uptime` is `time` minus this.
    public var startedAt: UInt64 = 0
    public var results = Results()
    /// All workers together.
    public var hashrates = Hashrates()
    public var minersNow: UInt32 = 0
    /// The most miners at one time since the service started.
    public var minersMax: UInt32 = 0
    public var upstreams = UpstreamCounts()
    public var shards: [ShardRow] = []
    /// Every worker seen, in the order of first appearance.
    public var workers: [WorkerRow] = []

    public init() {}

    /// Counters over all shares since the service started (behaviour.md §12).
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

        public static let bestCount = 10

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

        public init(shard: UInt16, isLive: Bool, minersNow: UInt32, upstreams: UpstreamCounts, eventsLost: UInt64) {
            self.shard = shard
            self.isLive = isLive
            self.minersNow = minersNow
            self.upstreams = upstreams
            self.eventsLost = eventsLost
        }
    }

    /// One row of the workers table (the seed's 13 columns).
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
/// window, so a rate climbs after the start (behaviour.md §12); JSON shows kH/s.
public struct Hashrates: Equatable, Sendable {
    public var oneMinute = 0.0
    public var tenMinutes = 0.0
    public var oneHour = 0.0
    public var twelveHours = 0.0
    public var oneDay = 0.0
    /// Over the whole uptime of the service.
    public var allTime = 0.0

    public init() {}

    /// In the order of the API's columns; the seed's documents show the first five.
    public var all: [Double] { [oneMinute, tenMinutes, oneHour, twelveHours, oneDay, allTime] }
}
