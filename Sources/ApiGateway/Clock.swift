internal import Glibc

/// The two clocks of the edge; everything behind it gets the time as an argument.
enum Clock {
    /// For intervals and deadlines.
    static var monotonicMillis: Int64 { millis(of: CLOCK_MONOTONIC) }

    /// Milliseconds since 1970.
    static var unixMillis: UInt64 { UInt64(max(0, millis(of: CLOCK_REALTIME))) }

    private static func millis(of clock: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
