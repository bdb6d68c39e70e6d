internal import Telemetry

/// The time by which workers and history are forgotten. It moves with the monotonic clock and never past the time of day,
/// so a time of day that jumps ahead deletes nothing. Once it has been ahead by the same distance for a day, it is taken
/// for right: the machine was off or asleep, or its clock was wrong before.
///
/// Each commit stores this time, not the time of day. A collector that starts while the clock is wrong, or after it was,
/// continues from there.
struct ForgettingTime {
    /// How long the time of day must keep its distance.
    static let trustMilliseconds: UInt64 = 86_400_000
    /// By how much the distance may change meanwhile: clocks are corrected by little steps all the time.
    static let toleranceMilliseconds: UInt64 = 60_000

    /// The same moment by both clocks.
    private var time: UInt64
    private var monotonic: UInt64
    /// By how much the time of day was ahead, and since when.
    private var ahead: (distance: UInt64, since: UInt64)?

    /// - Parameter committedAt: this time at the last commit, in milliseconds since 1970; 0 = none.
    init(at now: Statistics.Moment, committedAt: UInt64) {
        time = committedAt == 0 ? now.time : min(now.time, committedAt)
        monotonic = now.monotonic
    }

    /// Milliseconds since 1970.
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
