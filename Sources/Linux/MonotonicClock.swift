internal import Glibc

/// The clocks of the edges, for intervals and deadlines. Pure code gets the time as an argument.
///
/// They are here because the compiler may attribute `timespec` to any C library of a target whose headers include it.
package enum MonotonicClock {
    /// Milliseconds since an arbitrary start.
    package static var milliseconds: Int64 { microseconds / 1_000 }

    /// Microseconds since the same start.
    package static var microseconds: Int64 { read(CLOCK_MONOTONIC) }

    /// Microseconds of processor time that this thread has used.
    package static var processorMicroseconds: Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}
