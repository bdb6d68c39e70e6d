/// Which worker's row each miner of one epoch of one shard counts in.
///
/// A share may settle after its miner has left (the pool was still thinking), so a miner that left is remembered for a
/// while: in two generations, the older of which is dropped when the younger is old or full.
struct ShardMiners: Sendable {
    /// The pool has 20 seconds to answer, then the share is settled without it.
    static let departedMillisecondsMin: UInt64 = 60_000
    /// Departures remembered in one generation: two generations of a thousand a second for a minute.
    static let departedMax = 65_536
    /// Counts in no row: the service names no workers.
    static let noRow: Int32 = -1

    /// Miners that have joined and not left.
    private(set) var live: [MinerKey: Int32] = [:]
    private var departed: [MinerKey: Int32] = [:]
    private var departedBefore: [MinerKey: Int32] = [:]
    private var generationBegan: UInt64 = 0

    func row(of key: MinerKey) -> Int32? {
        live[key] ?? departed[key] ?? departedBefore[key]
    }

    /// - Returns: false when it was there already.
    mutating func join(_ key: MinerKey, row: Int32) -> Bool {
        guard live[key] == nil else { return false }
        live[key] = row
        return true
    }

    /// - Returns: its row, or nil when it is not there.
    mutating func leave(_ key: MinerKey) -> Int32? {
        guard let row = live.removeValue(forKey: key) else { return nil }
        if departed.count >= ShardMiners.departedMax { turnGeneration() }
        departed[key] = row
        return row
    }

    /// - Parameter time: that of a checkpoint, so that a replay forgets no sooner than the first time did.
    mutating func forgetDeparted(at time: UInt64) {
        if time < generationBegan { generationBegan = time }
        guard time - generationBegan >= ShardMiners.departedMillisecondsMin else { return }
        generationBegan = time
        turnGeneration()
    }

    private mutating func turnGeneration() {
        departedBefore = departed
        departed = [:]
    }
}
