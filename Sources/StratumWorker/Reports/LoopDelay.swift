/// Measures how late the loop handles events.
///
/// It measures two delays, each with one clock reading per turn: the length of a turn (what arrives at its start may
/// wait until its end), and the delay of the tick (the whole process did not run). Both are accurate to a millisecond,
/// the resolution of the loop's clock; shorter delays count as zero.
struct LoopDelay {
    private var worst: UInt64 = 0
    private var lastTick: UInt64?

    private static let millisecond: UInt64 = 1_000_000

    /// - Parameters:
    ///   - nanoseconds: the present time.
    ///   - began: when the loop woke up, in milliseconds of the same clock.
    mutating func turnEnded(at nanoseconds: UInt64, began milliseconds: UInt64) {
        note(nanoseconds, due: milliseconds &* LoopDelay.millisecond)
    }

    /// Records a tick.
    /// - Parameter period: the interval of the ticks, in milliseconds.
    mutating func ticked(at nanoseconds: UInt64, period milliseconds: UInt64) {
        if let lastTick { note(nanoseconds, due: lastTick &+ milliseconds &* LoopDelay.millisecond) }
        lastTick = nanoseconds
    }

    /// The longest delay since the last call, in microseconds.
    mutating func takeWorst() -> UInt32 {
        defer { worst = 0 }
        return UInt32(clamping: worst / 1_000)
    }

    private mutating func note(_ now: UInt64, due: UInt64) {
        guard now > due, now - due > LoopDelay.millisecond else { return }
        worst = max(worst, now - due - LoopDelay.millisecond)
    }
}
