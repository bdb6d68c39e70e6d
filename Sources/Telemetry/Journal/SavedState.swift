// The part of the statistics that is stored in the database. Values that people may want to query are columns; the rest
// is bytes that only this module decodes. Every commit can write the columns and positions of the service and the
// shards, but only checkpoints write `state`. Restoring uses `state`, the positions and the journal, not the columns.

/// The row of a worker.
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
    /// Hashrate windows and refusals, encoded.
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

/// The position in a shard's stream up to which events are folded, and their sums.
public struct SavedShard: Equatable, Sendable {
    public var shard: UInt16
    /// The position from which its stream continues; nil = nothing was received from it yet.
    public var position: Position?
    /// The shard's part of the totals, over all its epochs.
    public var counters: ShareCounters
    public var eventsLost: UInt64
    public var eventsReplayed: UInt64
    /// The epochs with their counters and miners, encoded. Empty in `SavedProgress`.
    public var state: [UInt8]

    /// A position in an event stream.
    public struct Position: Equatable, Sendable {
        public var epoch: Epoch
        /// The sequence number of the first event that is not folded.
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
    /// Window, latency, best shares, errors, refusals and more, encoded. Empty in `SavedProgress`.
    public var state: [UInt8]

    public init() {
        totals = ShareCounters()
        state = []
    }
}

/// A change of the fold's state (`JournalRecord`). Applying the same entries in the same order to the same checkpoint
/// gives the same state.
public struct JournalEntry: Equatable, Sendable {
    public var shard: UInt16
    /// When it was folded, in milliseconds since 1970.
    public var time: UInt64
    /// The encoded `JournalRecord`. It contains events as bus records.
    public var bytes: [UInt8]

    public init(shard: UInt16, time: UInt64, bytes: [UInt8]) {
        self.shard = shard
        self.time = time
        self.bytes = bytes
    }
}

/// The content of a small commit, about once a second: the changes since the last commit, and the sums.
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

/// The content of a large commit, about once a minute. It replaces the journal before it.
public struct SavedCheckpoint: Equatable, Sendable {
    public var service: SavedService
    /// All current shards.
    public var shards: [SavedShard]
    /// The workers that have changed since the last checkpoint. When loaded: all workers.
    public var workers: [SavedWorker]
    /// The ids of workers that were removed.
    public var forgotten: [UInt32]
    /// Changes since the last checkpoint, by minute, to be added to the history. When loaded: empty.
    public var history: [HistoryDelta]

    public init() {
        service = SavedService()
        shards = []
        workers = []
        forgotten = []
        history = []
    }
}

/// An amount to add to the point of a series.
public struct HistoryDelta: Equatable, Sendable {
    public var series: HistorySeries
    /// Its time is the start of a minute.
    public var point: HistoryPoint

    public init(series: HistorySeries, point: HistoryPoint) {
        self.series = series
        self.point = point
    }
}
