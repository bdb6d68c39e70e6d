/// When to try again to bind the port of the API: soon at first, for a predecessor that is just leaving; then rarely.
/// Time comes in as monotonic milliseconds.
struct BindRetry: Equatable, Sendable {
    static let quickMillis: Int64 = 2_000
    static let quickCount = 5
    /// As xmrig-proxy (docs/COMPATIBILITY.md, "Timers").
    static let slowMillis: Int64 = 10_000

    private var failureCount = 0
    private var due: Int64 = .min

    func isDue(at now: Int64) -> Bool { now >= due }

    /// Returns the milliseconds until the next attempt.
    mutating func failed(at now: Int64) -> Int64 {
        failureCount += 1
        let pause = failureCount <= BindRetry.quickCount ? BindRetry.quickMillis : BindRetry.slowMillis
        due = now + pause
        return pause
    }
}
