/// Something that is to happen so often a second, told how much time has passed. Fractions carry over; what a stalled
/// machine has missed is made up for, but not more than a quarter of a second of it at once.
struct Pace {
    let perSecond: Double
    /// What was missed for good.
    private(set) var missed = 0
    private var owed: Double = 0

    private static let catchUpSeconds = 0.25

    init(perSecond: Double) {
        self.perSecond = perSecond
    }

    /// How often it is to happen now.
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
