internal import CAllocations

/// What one operation costs.
struct Measurement {
    /// Of the fastest round: whatever else the machine does can only add to it.
    let nanoseconds: Double
    /// Of the round with the fewest: tables that grow with what they hold do so now and then.
    let allocations: Double

    /// Many and short: some of them are not interrupted.
    static let rounds = 50

    /// Measures `body`, which does its operation `operations` times each time that it is called.
    init(operations: Int, _ body: () -> Void) {
        var fastest = Duration.seconds(3_600)
        var allocated = UInt64.max
        for _ in 0..<Measurement.rounds {
            let before = callocations_count()
            fastest = min(fastest, ContinuousClock().measure(body))
            allocated = min(allocated, callocations_count() - before)
        }
        let parts = fastest.components
        nanoseconds = (Double(parts.seconds) * 1e9 + Double(parts.attoseconds) / 1e9) / Double(operations)
        allocations = Double(allocated) / Double(operations)
    }
}
