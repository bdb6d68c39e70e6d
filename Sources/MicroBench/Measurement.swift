internal import CAllocations

/// The cost of one operation.
struct Measurement {
    /// From the fastest round: other activity of the machine can only add time.
    let nanoseconds: Double
    /// From the round with the fewest: growing tables allocate now and then.
    let allocations: Double

    /// Many short rounds: some of them are not interrupted.
    static let rounds = 50

    /// Measures `body`, which performs its operation `operations` times per call.
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
