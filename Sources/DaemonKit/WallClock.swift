internal import Glibc

/// The time of day, for output and files. Intervals are measured with a monotonic clock.
public enum WallClock {
    /// Milliseconds since 1970; 0 for earlier times.
    public static func milliseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(max(0, now.tv_sec * 1_000 + now.tv_nsec / 1_000_000))
    }
}
