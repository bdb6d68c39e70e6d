/// A moment of the monotonic clock, in microseconds. This module reads no clock: the time is always an argument.
public struct Instant: Comparable, Sendable {
    public var microseconds: UInt64

    public init(microseconds: UInt64) { self.microseconds = microseconds }

    /// Later than every deadline.
    public static let never = Instant(microseconds: .max)

    public static func + (moment: Instant, milliseconds: Milliseconds) -> Instant {
        let (more, isTooLong) = milliseconds.count.multipliedReportingOverflow(by: 1_000)
        let (sum, isTooLate) = moment.microseconds.addingReportingOverflow(more)
        return isTooLong || isTooLate ? .never : Instant(microseconds: sum)
    }

    /// Microseconds since `earlier`; 0 when that is not earlier.
    public func microseconds(since earlier: Instant) -> UInt64 {
        self > earlier ? microseconds - earlier.microseconds : 0
    }

    public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
}

/// A length of time in milliseconds.
public struct Milliseconds: Equatable, Sendable {
    public var count: UInt64

    public init(_ count: UInt64) { self.count = count }

    public static func seconds(_ seconds: UInt64) -> Milliseconds { Milliseconds(seconds &* 1_000) }
}
