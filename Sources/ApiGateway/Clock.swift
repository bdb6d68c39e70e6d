internal import Glibc

/// The clock of the edge; everything behind it gets the time as an argument.
enum Clock {
    /// For intervals and deadlines.
    static var monotonicMillis: Int64 { monotonicMicros / 1_000 }

    /// For what takes less.
    static var monotonicMicros: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}
