/// Spreads events evenly at a given rate. Fractions carry over. After a stall the missed events are made up for, but at
/// most a quarter of a second of them.
struct Pace {
    let perSecond: Double
    /// Events skipped after stalls.
    private(set) var missed = 0
    private var owed: Double = 0

    private static let catchUpSeconds = 0.25

    init(perSecond: Double) {
        self.perSecond = perSecond
    }

    /// The number of events due now.
    mutating func due(afterSeconds elapsed: Double) -> Int {
        guard perSecond > 0 else { return 0 }
        owed += perSecond * elapsed
        let most = max(1, perSecond * Self.catchUpSeconds)
        if owed > most {
            missed += Int(owed - most)
            owed = most
        }
        let whole = owed.rounded(.down)
        owed -= whole
        return Int(whole)
    }
}
