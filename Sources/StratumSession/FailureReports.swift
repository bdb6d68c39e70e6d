/// Which failures of one pool the operator is told of: the news, not the same thing every second and for every upstream,
/// and not more than a screen of it when a pool fails in a new way each time.
struct FailureReports {
    /// A minute's worth; after it everything is news again.
    static let window = Milliseconds.seconds(60)
    static let perWindowMax = 5

    private var since = Instant(microseconds: 0)
    private var count = 0
    private var last: PoolFailure?

    /// Whether to tell of this failure.
    mutating func isNews(_ failure: PoolFailure, at now: Instant) -> Bool {
        if now >= since + FailureReports.window {
            since = now
            count = 0
            last = nil
        }
        guard failure != last, count < FailureReports.perWindowMax else { return false }
        last = failure
        count += 1
        return true
    }

    /// The pool has worked meanwhile: the same failure again is a new one.
    mutating func recovered() {
        last = nil
    }
}
