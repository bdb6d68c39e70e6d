/// Shares and hashes of the total, a shard or a worker in one interval.
public struct HistoryPoint: Equatable, Sendable {
    /// The start of the interval in seconds since 1970; a multiple of its length.
    public var time: UInt64
    public var accepted: UInt64
    public var rejected: UInt64
    public var invalid: UInt64
    /// The sum of credited difficulty. Divided by the length of the interval, it is the hashrate.
    public var hashes: UInt64

    public init(time: UInt64, accepted: UInt64 = 0, rejected: UInt64 = 0, invalid: UInt64 = 0, hashes: UInt64 = 0) {
        self.time = time
        self.accepted = accepted
        self.rejected = rejected
        self.invalid = invalid
        self.hashes = hashes
    }
}

/// What a history belongs to.
public enum HistorySeries: Hashable, Sendable {
    case total
    case shard(UInt16)
    /// `Snapshot.WorkerRow.id`
    case worker(UInt32)
}
