// What of the statistics outlives the process, in the pieces that a database stores: numbers that people may want to
// look at stand in columns of their own, the rest is bytes that only this module reads. Of the service and of shards,
// columns and positions may be written by every commit, `state` only by checkpoints: restoring believes `state`, the
// positions and the journal, and does not look at the columns.

/// A worker's row.
public struct SavedWorker: Equatable, Sendable {
    /// `Snapshot.WorkerRow.id`
    public var id: UInt32
    public var name: String
    public var ip: String
    public var accepted: UInt64
    public var rejected: UInt64
    public var invalid: UInt64
    public var hashes: UInt64
    /// Milliseconds since 1970; 0 = never.
    public var lastShareAt: UInt64
    /// Milliseconds since 1970.
    public var lastSeenAt: UInt64
    /// Hashrate windows and refusals, packed.
    public var state: [UInt8]

    public init(id: UInt32, name: String, ip: String) {
        self.id = id
        self.name = name
        self.ip = ip
        accepted = 0
        rejected = 0
        invalid = 0
        hashes = 0
        lastShareAt = 0
        lastSeenAt = 0
        state = []
    }
}

/// How far the stream of one shard has been folded, and what came of it.
public struct SavedShard: Equatable, Sendable {
    public var shard: UInt16
    /// Where its stream goes on; nil = nothing was heard of it yet.
    public var position: Position?
    /// What of the totals came from this shard, over all its lives.
    public var counters: ShareCounters
    public var eventsLost: UInt64
    public var eventsReplayed: UInt64
    /// Lives, their counters and miners, packed. Empty in `SavedProgress`.
    public var state: [UInt8]

    public struct Position: Equatable, Sendable {
        public var epoch: Epoch
        /// The sequence number of the first event that is not folded yet.
        public var next: UInt64

        public init(epoch: Epoch, next: UInt64) {
            self.epoch = epoch
            self.next = next
        }
    }

    public init(shard: UInt16) {
        self.shard = shard
        counters = ShareCounters()
        eventsLost = 0
        eventsReplayed = 0
        state = []
    }
}

/// The totals of the service.
public struct SavedService: Equatable, Sendable {
    public var totals: ShareCounters
    /// Window, latency, best shares, errors, refusals, …, packed. Empty in `SavedProgress`.
    public var state: [UInt8]

    public init() {
        totals = ShareCounters()
        state = []
    }
}

/// One thing that the fold was told (`JournalRecord`): folded again in the same order onto the same checkpoint it gives the same state.
public struct JournalEntry: Equatable, Sendable {
    public var shard: UInt16
    /// Milliseconds since 1970: when it was folded.
    public var time: UInt64
    /// What it was; events in the bus's own records.
    public var bytes: [UInt8]

    public init(shard: UInt16, time: UInt64, bytes: [UInt8]) {
        self.shard = shard
        self.time = time
        self.bytes = bytes
    }
}

/// What one small commit stores, about once a second: what has happened since the last one, and the sums.
public struct SavedProgress: Equatable, Sendable {
    public var journal: [JournalEntry]
    public var service: SavedService
    public var shards: [SavedShard]

    public init(journal: [JournalEntry], service: SavedService, shards: [SavedShard]) {
        self.journal = journal
        self.service = service
        self.shards = shards
    }
}

/// What one large commit stores, about once a minute; it makes the journal before it superfluous.
public struct SavedCheckpoint: Equatable, Sendable {
    public var service: SavedService
    /// All shards that there are now.
    public var shards: [SavedShard]
    /// The workers that have changed since the last checkpoint. (Loaded: all workers.)
    public var workers: [SavedWorker]
    /// Workers that are no longer remembered.
    public var forgotten: [UInt32]
    /// What has happened since the last checkpoint, by minute: to be added to what the history holds. (Loaded: empty.)
    public var history: [HistoryDelta]

    public init() {
        service = SavedService()
        shards = []
        workers = []
        forgotten = []
        history = []
    }
}

public struct HistoryDelta: Equatable, Sendable {
    public var series: HistorySeries
    /// Its time is the beginning of a minute.
    public var point: HistoryPoint

    public init(series: HistorySeries, point: HistoryPoint) {
        self.series = series
        self.point = point
    }
}
