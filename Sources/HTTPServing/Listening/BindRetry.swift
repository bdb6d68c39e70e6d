/// Decides when to bind the port again after a failure: soon at first, because a previous gateway may be exiting, then
/// rarely. Times are monotonic milliseconds.
package struct BindRetry: Equatable, Sendable {
    static let quickMillis: Int64 = 2_000
    static let quickCount = 5
    /// As in xmrig-proxy (docs/COMPATIBILITY.md, "Timers").
    static let slowMillis: Int64 = 10_000

    private var failureCount = 0
    private var due: Int64 = .min

    package init() {}

    /// Whether the next attempt may be made now.
    package func isDue(at now: Int64) -> Bool { now >= due }

    /// Records a failed attempt.
    /// - Returns: milliseconds until the next attempt.
    package mutating func failed(at now: Int64) -> Int64 {
        failureCount += 1
        let pause = failureCount <= BindRetry.quickCount ? BindRetry.quickMillis : BindRetry.slowMillis
        due = now + pause
        return pause
    }
}
