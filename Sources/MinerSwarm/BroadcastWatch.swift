/// Measures how long a new job takes to all miners: from the first that has it to the last.
struct BroadcastWatch {
    /// One job of the pool on its way. Times are of the system's monotonic clock, so that several processes agree.
    struct Broadcast: Codable, Equatable {
        /// Names the job: a fingerprint of what all blobs made of it have in common.
        let key: UInt64
        let firstNanos: UInt64
        var lastNanos: UInt64
        var miners: Int

        var spreadMillis: Double { Double(lastNanos - firstNanos) / 1e6 }
    }

    /// Enough for an hour with a job every ten seconds, or a minute of ten a second.
    static let rememberedMax = 600
    /// A miner that is this many jobs behind is late beyond measuring.
    private static let searchedMax = 8

    private(set) var broadcasts: [Broadcast] = []
    /// All of them, also those no longer remembered.
    private(set) var count = 0

    /// A miner was sent the job with this key.
    mutating func heard(_ key: UInt64, now: UInt64) {
        var index = broadcasts.count - 1
        let end = max(-1, index - Self.searchedMax)
        while index > end {
            if broadcasts[index].key == key {
                broadcasts[index].lastNanos = now
                broadcasts[index].miners += 1
                return
            }
            index -= 1
        }
        if broadcasts.count == Self.rememberedMax { broadcasts.removeFirst(Self.rememberedMax / 2) }
        broadcasts.append(Broadcast(key: key, firstNanos: now, lastNanos: now, miners: 1))
        count += 1
    }
}
