/// The miners of one epoch of a shard and the workers' rows in which they count.
///
/// A share can be answered after its miner has left, so miners that left are remembered for a while, in two
/// generations. When the newer generation is old or full, the older one is dropped.
///
/// A live miner uses 48 bytes in the table, 64 to 130 including the table's free places, plus the texts that no other
/// miner or row has (`MinerTexts`), usually none.
struct ShardMiners: Sendable {
    /// A pool has 20 seconds to answer; after that the share is settled without an answer.
    static let departedMillisecondsMin: UInt64 = 60_000
    /// Departed miners in one generation: two generations of a thousand a second for a minute.
    static let departedMax = 65_536
    /// It counts in no row: the service does not name workers, or the worker was removed.
    static let noRow: Int32 = -1

    /// Where the shares of a miner are counted.
    struct Place: Equatable, Sendable {
        /// The key that the collector assigned.
        var key: MinerKey
        var row: Int32
    }

    struct Live: Equatable, Sendable {
        var place: Place
        var ip: String
        /// Shared with other miners and with the name of its row.
        var texts: MinerTexts
    }

    /// Miners that have joined and not left, by the shard's key.
    private(set) var live: [MinerKey: Live] = [:]
    /// The names of live miners that count in the shared row. The first accepted share gives such a miner its own row.
    var claims: [MinerKey: String] = [:]
    private(set) var departed: [MinerKey: Place] = [:]
    private(set) var departedBefore: [MinerKey: Place] = [:]
    private(set) var generationBegan: UInt64 = 0

    init() {}

    init(
        live: [MinerKey: Live], departed: [MinerKey: Place], departedBefore: [MinerKey: Place], generationBegan: UInt64
    ) {
        self.live = live
        self.departed = departed
        self.departedBefore = departedBefore
        self.generationBegan = generationBegan
    }

    func place(of key: MinerKey) -> Place? {
        live[key]?.place ?? departed[key] ?? departedBefore[key]
    }

    func isLive(_ key: MinerKey) -> Bool { live[key] != nil }

    /// - Precondition: the key is not in the table.
    /// - Parameter claim: the miner's worker name, if it differs from that of its row.
    mutating func join(_ key: MinerKey, _ miner: Live, claiming claim: String? = nil) {
        live[key] = miner
        if let claim { claims[key] = claim }
    }

    /// Gives a live miner the row of the name that it claimed.
    mutating func move(_ key: MinerKey, to row: Int32, _ texts: MinerTexts) {
        live[key]?.place.row = row
        live[key]?.texts = texts
        claims[key] = nil
    }

    /// - Returns: where it counted; nil if it is not in the table.
    mutating func leave(_ key: MinerKey) -> Place? {
        guard let place = live.removeValue(forKey: key)?.place else { return nil }
        claims[key] = nil
        if departed.count >= ShardMiners.departedMax { turnGeneration() }
        departed[key] = place
        return place
    }

    /// Ends the epoch: only late shares of its miners can still arrive.
    mutating func end() {
        departed.merge(live.mapValues(\.place)) { _, latest in latest }
        live = [:]
        claims = [:]
    }

    /// - Parameter time: the time of a checkpoint, so that a replay does not forget sooner than the original run.
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

    /// Updates the row indices of all miners.
    /// - Parameter moved: the new index of each old row, or `noRow`.
    mutating func moveRows(_ moved: [Int32]) {
        func row(_ old: Int32) -> Int32 { old >= 0 ? moved[Int(old)] : old }
        for index in live.values.indices { live.values[index].place.row = row(live.values[index].place.row) }
        for index in departed.values.indices { departed.values[index].row = row(departed.values[index].row) }
        for index in departedBefore.values.indices {
            departedBefore.values[index].row = row(departedBefore.values[index].row)
        }
    }
}
