/// How late the loop comes to what happens.
///
/// Two things are looked at, each with one reading of the clock a turn: how long a turn takes (what arrives at its beginning
/// may have to wait until its end), and how late the tick comes (the whole process did not run). Both are known to a
/// millisecond, as the loop's own clock is; what is shorter counts as none.
struct LoopDelay {
    private var worst: UInt64 = 0
    private var lastTick: UInt64?

    private static let millisecond: UInt64 = 1_000_000

    /// - Parameters:
    ///   - nanoseconds: now.
    ///   - began: when the loop was woken, in milliseconds of the same clock.
    mutating func turnEnded(at nanoseconds: UInt64, began milliseconds: UInt64) {
        note(nanoseconds, due: milliseconds &* LoopDelay.millisecond)
    }

    /// The tick has come.
    /// - Parameter period: from one to the next, in milliseconds.
    mutating func ticked(at nanoseconds: UInt64, period milliseconds: UInt64) {
        if let lastTick { note(nanoseconds, due: lastTick &+ milliseconds &* LoopDelay.millisecond) }
        lastTick = nanoseconds
    }

    /// The worst since the last time it was asked for, in microseconds.
    mutating func takeWorst() -> UInt32 {
        defer { worst = 0 }
        return UInt32(clamping: worst / 1_000)
    }

    private mutating func note(_ now: UInt64, due: UInt64) {
        guard now > due, now - due > LoopDelay.millisecond else { return }
        worst = max(worst, now - due - LoopDelay.millisecond)
    }
}
