internal import Glibc

/// The time of day, for what people and files see. Intervals are measured by a monotonic clock.
public enum WallClock {
    /// Milliseconds since 1970; 0 before.
    public static func milliseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(max(0, now.tv_sec * 1_000 + now.tv_nsec / 1_000_000))
    }
}
