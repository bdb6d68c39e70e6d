internal import Glibc

/// The clock of the edge. Pure code gets the time as an argument.
package enum MonotonicClock {
    /// Milliseconds since an arbitrary start, for intervals and deadlines.
    package static var milliseconds: Int64 { microseconds / 1_000 }

    /// Microseconds since the same start.
    package static var microseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}
