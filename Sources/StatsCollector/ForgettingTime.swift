internal import Telemetry

/// The time by which old workers and history are removed. It advances with the monotonic clock and never exceeds the
/// time of day, so a clock that jumps ahead deletes nothing. When the time of day has been ahead by the same distance
/// for a day, it is accepted: the machine was off or suspended, or its clock was wrong before.
///
/// Each commit stores this time instead of the time of day. A collector that starts while the clock is wrong, or
/// afterwards, continues from it.
struct ForgettingTime {
    /// How long the time of day must keep its distance.
    static let trustMilliseconds: UInt64 = 86_400_000
    /// The tolerated change of the distance: clocks are continually corrected in small steps.
    static let toleranceMilliseconds: UInt64 = 60_000

    /// The same moment on both clocks.
    private var time: UInt64
    private var monotonic: UInt64
    /// The distance by which the time of day was ahead, and since when.
    private var ahead: (distance: UInt64, since: UInt64)?

    /// - Parameter committedAt: this time at the last commit, in milliseconds since 1970; 0 = no commit.
    init(at now: Statistics.Moment, committedAt: UInt64) {
        time = committedAt == 0 ? now.time : min(now.time, committedAt)
        monotonic = now.monotonic
    }

    /// Advances the time and returns it in milliseconds since 1970.
    mutating func advance(to now: Statistics.Moment) -> UInt64 {
        time += now.monotonic - min(monotonic, now.monotonic)
        monotonic = max(monotonic, now.monotonic)
        guard now.time > time else {
            ahead = nil
            time = now.time
            return time
        }
        let distance = now.time - time
        guard let ahead, distance.distance(from: ahead.distance) <= ForgettingTime.toleranceMilliseconds else {
            self.ahead = (distance, monotonic)
            return time
        }
        if monotonic - ahead.since >= ForgettingTime.trustMilliseconds {
            self.ahead = nil
            time = now.time
        }
        return time
    }
}

extension UInt64 {
    fileprivate func distance(from other: UInt64) -> UInt64 { self > other ? self - other : other - self }
}
