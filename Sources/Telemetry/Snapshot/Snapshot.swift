/// The state of the service at one moment, as the collector computes it and the gateway serves it.
public struct Snapshot: Equatable, Sendable {
    /// Incremented with each snapshot of a collector process.
    public var sequence: UInt64 = 0
    /// Milliseconds since 1970.
    public var time: UInt64 = 0
    /// When the current service started, in milliseconds since 1970.
    public var startedAt: UInt64 = 0
    /// The total running time of the service since its counters began, across restarts. It is the `uptime` of the API's
    /// summaries and the divisor of all-time averages (`avg_time`, `Hashrates.allTime`). Without a database it begins
    /// with the current start.
    public var servedMilliseconds: UInt64 = 0
    public var results = Results()
    /// All workers together.
    public var hashrates = Hashrates()
    public var minersNow: UInt32 = 0
    /// Miners that have logged in and wait for their first job; not in `minersNow`.
    public var minersWaiting: UInt32 = 0
    /// The maximum of connected miners, across restarts of the service.
    public var minersMax: UInt32 = 0
    public var upstreams = UpstreamCounts()
    public var shards: [ShardRow] = []
    /// The remembered workers, encoded, in the order of first appearance.
    public var packedWorkers = PackedRows()
    /// All upstreams of the live shards, by shard and id.
    public var openUpstreams: [UpstreamRow] = []
    /// Pool addresses of the live shards: the configured pools in their order, then former ones that still have
    /// connections. `UpstreamGauge.pool` is an index into this list.
    public var pools: [String] = []
    /// The conditions of the pools in the same order, combined over all live shards; empty or as long as `pools`.
    public var poolConditions: [PoolCondition] = []
    /// Connected miners whose shares are not forwarded because the pool rejects them.
    public var minersQuarantined: UInt32 = 0
    public var database = Database()

    public init() {}

    /// Value of `UpstreamGauge.pool` for a pool that is not in the list.
    public static let unknownPool = UInt8.max

    /// The index of a pool in the list. Appends the pool if it is missing.
    mutating func place(of pool: String) -> UInt8 {
        if let place = pools.firstIndex(of: pool) { return UInt8(clamping: place) }
        guard pools.count < Int(Snapshot.unknownPool) else { return Snapshot.unknownPool }
        pools.append(pool)
        poolConditions.append(PoolCondition())
        return UInt8(pools.count - 1)
    }

    /// The remembered workers in the order of first appearance. Decodes `packedWorkers` with each call.
    public var workers: [WorkerRow] {
        get { Array(packedWorkers) }
        set { packedWorkers = PackedRows(newValue) }
    }

    /// True when events within the window of `windowSeconds` are missing: its hashrate is then too low.
    public func isIncomplete(windowSeconds: UInt64) -> Bool {
        guard results.lastLossAt > 0 else { return false }
        return time < results.lastLossAt || (time - results.lastLossAt) / 1_000 < windowSeconds
    }

    /// The state of the database file, which preserves the statistics across restarts.
    public struct Database: Equatable, Sendable {
        public enum State: UInt8, Sendable, CaseIterable {
            /// Everything older than a few seconds is stored.
            case durable = 0
            /// It cannot be written at the moment (a full disk, …). Nothing is lost while the shards run; writing is
            /// retried.
            case failing = 1
            /// No database: the file was written by a newer version, or its path cannot be used.
            case off = 2
        }

        public var state = State.durable
        /// The reason, for the operator; empty when all is well. Also names a corrupt file that was set aside.
        public var message = ""
        /// Milliseconds since 1970 of the last commit; 0 = none yet.
        public var committedAt: UInt64 = 0

        public static let messageBytesMax = 512

        public init() {}
    }

    /// Counters over all shares, across restarts of the service (docs/COMPATIBILITY.md, "Statistics").
    public struct Results: Equatable, Sendable {
        public var accepted: UInt64 = 0
        public var rejected: UInt64 = 0
        public var invalid: UInt64 = 0
        public var expired: UInt64 = 0
        public var hashesTotal: UInt64 = 0
        /// The upper median of the pool's latencies over accepted shares, in milliseconds.
        public var latencyMilliseconds: UInt32 = 0
        /// The ten highest actual difficulties of accepted shares, descending, padded with zeros.
        public var best = [UInt64](repeating: 0, count: Results.bestCount)
        /// The most recent distinct texts of pool errors, newest first.
        public var errors: [ErrorLogEntry] = []
        /// Rejected and invalid shares by reason. Shares that only a checkpoint added to the counters above have no
        /// reason and are missing here.
        public var refusals = RefusalCounts<UInt64>()
        /// Logins of miners.
        public var joined: UInt64 = 0
        /// The latencies that 50, 90 and 99 of 100 accepted shares did not exceed, in milliseconds.
        public var latencyPercentiles = LatencyPercentiles()
        /// The sum and the number of these latencies.
        public var latencySumMilliseconds: UInt64 = 0
        public var latencyCount: UInt64 = 0
        /// When events were last lost for good, in milliseconds since 1970; 0 = never.
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

    /// How often pools have sent `text`.
    public struct ErrorLogEntry: Equatable, Sendable {
        public var count: UInt64
        public var text: String

        public init(count: UInt64, text: String) {
            self.count = count
            self.text = text
        }
    }

    /// The values of a shard.
    public struct ShardRow: Equatable, Sendable {
        public var shard: UInt16
        /// False when nothing was received from it for `Statistics.silenceMillisecondsMax`.
        public var isLive: Bool
        public var minersNow: UInt32
        public var upstreams: UpstreamCounts
        /// Events that were lost and could not be replayed.
        public var eventsLost: UInt64
        /// Events that were missed at first and then replayed.
        public var eventsReplayed: UInt64 = 0
        /// All TCP connections of miners, logged in or not.
        public var connections: UInt32 = 0
        /// Miners that have logged in and wait for their first job.
        public var minersWaiting: UInt32 = 0
        /// `ShardGauges.losesMinersOnCrash`
        public var losesMinersOnCrash = false
        /// `ShardGauges.closed`
        public var closed = ClosedConnections()
        /// `ShardGauges.tls`
        public var tls = TLSFigures()
        /// `ShardGauges.loopDelayMicroseconds`
        public var loopDelayMicroseconds: UInt32 = 0
        /// The shard's part of the totals, over all its epochs.
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

    /// One row of the workers table (13 columns: docs/COMPATIBILITY.md, "API of 2.4") and further values.
    public struct WorkerRow: Equatable, Sendable {
        public var name: String
        /// The address of its last login.
        public var ip: String
        /// Current connections.
        public var connections: UInt32
        public var accepted: UInt64
        public var rejected: UInt64
        public var invalid: UInt64
        public var hashes: UInt64
        /// When its last share was accepted, in milliseconds since 1970; 0 = never.
        public var lastShareAt: UInt64
        public var hashrates: Hashrates
        /// Identifies the worker in the history. Ids are not reused.
        public var id: UInt32 = 0
        /// Its last login, share or logout, in milliseconds since 1970; the current time while it is connected.
        public var lastSeenAt: UInt64 = 0
        /// Its rejected and invalid shares, by reason.
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

/// Credited difficulty per time window, in hashes per second. The divisor is always the whole window, so a rate climbs
/// after the start (docs/COMPATIBILITY.md, "Statistics"). JSON documents use kH/s.
public struct Hashrates: Equatable, Sendable {
    public var oneMinute = 0.0
    public var tenMinutes = 0.0
    public var oneHour = 0.0
    public var twelveHours = 0.0
    public var oneDay = 0.0
    /// Over the total running time of the service (`Snapshot.servedMilliseconds`).
    public var allTime = 0.0

    public init() {}

    /// In the order of the API's columns. The documents of 2.4 contain the first five.
    public var all: [Double] { [oneMinute, tenMinutes, oneHour, twelveHours, oneDay, allTime] }
}
