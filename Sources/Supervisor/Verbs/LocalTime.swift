internal import Glibc

/// Formats times of day in local time.
struct LocalTime {
    /// Seconds east of Greenwich; nil for the system's time zone, with daylight saving time.
    var offset: Int?

    /// "14:02", or "2026-11-29 14:02" when it is not the day of `now`.
    /// - Parameters:
    ///   - moment: milliseconds since 1970.
    ///   - now: milliseconds since 1970.
    func text(_ moment: UInt64, seenAt now: UInt64) -> String {
        let isToday = written(moment, "%Y-%m-%d") == written(now, "%Y-%m-%d")
        return written(moment, isToday ? "%H:%M" : "%Y-%m-%d %H:%M")
    }

    static let utc = LocalTime(offset: 0)

    /// "2026-11-29"
    /// - Parameter seconds: since 1970.
    func date(seconds: Int64) -> String { written(UInt64(max(seconds, 0)) * 1_000, "%Y-%m-%d") }

    private func written(_ moment: UInt64, _ format: String) -> String {
        var seconds = time_t(clamping: moment / 1_000) + time_t(offset ?? 0)
        var parts = tm()
        if offset == nil { localtime_r(&seconds, &parts) } else { gmtime_r(&seconds, &parts) }
        var bytes = [CChar](repeating: 0, count: 32)
        let count = strftime(&bytes, bytes.count, format, &parts)
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
