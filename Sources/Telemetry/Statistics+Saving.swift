extension Statistics {
    public init(
        restoring saved: SavedCheckpoint, journal: [JournalEntry], startedAt: UInt64, shardCount: Int, at now: Moment
    ) throws(DecodingFailure) {
        self.init(startedAt: startedAt, shardCount: shardCount)
    }
    /// Where each shard's stream goes on after restoring.
    public var restoredPositions: [SavedShard.Position?] { [SavedShard.Position?](repeating: nil, count: shards.count) }
    /// True when the journal has a gap: the next commit must be a whole checkpoint.
    public var needsCheckpoint: Bool { true }
    /// Empties the pending journal.
    public mutating func takeProgress(positions: [SavedShard.Position?]) -> SavedProgress {
        SavedProgress(journal: [], service: SavedService(), shards: [])
    }
    public mutating func takeCheckpoint(positions: [SavedShard.Position?], at now: Moment) -> SavedCheckpoint {
        SavedCheckpoint()
    }
    public mutating func putBack(_ checkpoint: SavedCheckpoint) {}
    public mutating func dropPendingJournal() {}
    /// The database is a new one: everything has to be stored again.
    public mutating func markAllUnsaved() {}
    public var pendingJournalBytes: Int { 0 }
    public mutating func takeRelay() -> [ShardEvent] { [] }
    public func liveMiners() -> [MinerJoined] { [] }
    public mutating func takeMinerGauges() -> [MinerGauge] { [] }
    public mutating func forgetWorkers(unseenSince time: UInt64) {}
    public mutating func setDatabase(_ state: Snapshot.Database) {}
    public mutating func hearGauges(_ gauges: ShardGauges, from shard: UInt16, at now: Moment) {}
    /// - Parameter count: how many events of the shard were had by asking again, since this process began.
    public mutating func noteReplayed(_ count: UInt64, shard: UInt16) {}
}
