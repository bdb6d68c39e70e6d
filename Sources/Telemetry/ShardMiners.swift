/// The miners of one epoch of one shard: what each of them is, and which worker's row it counts in.
///
/// A share may settle after its miner has left (the pool was still thinking), so a miner that left is remembered for a
/// while: in two generations, the older of which is dropped when the younger is old or full.
///
/// A live miner takes 48 bytes in the table, 64 to 130 with the table's free places, and those texts that no other miner or
/// row has (`MinerTexts`): mostly none.
struct ShardMiners: Sendable {
    /// The pool has 20 seconds to answer, then the share is settled without it.
    static let departedMillisecondsMin: UInt64 = 60_000
    /// Departures remembered in one generation: two generations of a thousand a second for a minute.
    static let departedMax = 65_536
    /// Counts in no row: the service names no workers, or has forgotten this one.
    static let noRow: Int32 = -1

    /// Where the shares of a miner go.
    struct Place: Equatable, Sendable {
        /// The collector's key.
        var key: MinerKey
        var row: Int32
    }

    struct Live: Equatable, Sendable {
        var place: Place
        var ip: String
        /// Shared with the name of its row.
        var texts: MinerTexts
    }

    /// Miners that have joined and not left, by the shard's key.
    private(set) var live: [MinerKey: Live] = [:]
    /// The names of live miners that count with the others: the first accepted share gives them a row of their own.
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

    /// - Precondition: it is not there.
    /// - Parameter claim: the name, when it is not that of its row.
    mutating func join(_ key: MinerKey, _ miner: Live, claiming claim: String? = nil) {
        live[key] = miner
        if let claim { claims[key] = claim }
    }

    /// Gives a live miner the row of the name that it claims.
    mutating func move(_ key: MinerKey, to row: Int32, _ texts: MinerTexts) {
        live[key]?.place.row = row
        live[key]?.texts = texts
        claims[key] = nil
    }

    /// - Returns: where it counted, or nil when it is not there.
    mutating func leave(_ key: MinerKey) -> Place? {
        guard let place = live.removeValue(forKey: key)?.place else { return nil }
        claims[key] = nil
        if departed.count >= ShardMiners.departedMax { turnGeneration() }
        departed[key] = place
        return place
    }

    /// The epoch is over: of its miners only late shares can come.
    mutating func end() {
        departed.merge(live.mapValues(\.place)) { _, latest in latest }
        live = [:]
        claims = [:]
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

    /// Rows have moved.
    /// - Parameter moved: the new index of each old one, or `noRow`.
    mutating func moveRows(_ moved: [Int32]) {
        func row(_ old: Int32) -> Int32 { old >= 0 ? moved[Int(old)] : old }
        for index in live.values.indices { live.values[index].place.row = row(live.values[index].place.row) }
        for index in departed.values.indices { departed.values[index].row = row(departed.values[index].row) }
        for index in departedBefore.values.indices {
            departedBefore.values[index].row = row(departedBefore.values[index].row)
        }
    }
}
