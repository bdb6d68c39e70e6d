/// Measures how long a new job takes to reach all miners: from the first to the last that receives it.
struct BroadcastWatch {
    /// The distribution of one job of the pool. Times are from the monotonic clock, which several processes share.
    struct Broadcast: Codable, Equatable {
        /// Identifies the job: a fingerprint of the common part of all blobs made from it.
        let key: UInt64
        let firstNanos: UInt64
        var lastNanos: UInt64
        var miners: Int

        var spreadMillis: Double { Double(lastNanos - firstNanos) / 1e6 }
    }

    /// An hour with a job every ten seconds, or a minute with ten a second.
    static let rememberedMax = 600
    /// A miner that is further behind than this number of jobs is not measured.
    private static let searchedMax = 8

    private(set) var broadcasts: [Broadcast] = []
    /// The number of all broadcasts, including those no longer remembered.
    private(set) var count = 0

    /// Records that a miner received the job with this key.
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
