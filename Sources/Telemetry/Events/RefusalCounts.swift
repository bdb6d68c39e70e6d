/// Shares that were not accepted, by `RefusalReason`: one counter per reason, in the order of the raw values. Inline,
/// without heap memory, because each worker's row has one.
public struct RefusalCounts<Count: FixedWidthInteger & UnsignedInteger & Sendable>: Equatable, Sendable {
    /// One for each case of `RefusalReason`; a test compares the two.
    public static var count: Int { 9 }

    private var counts = InlineArray<9, Count>(repeating: 0)

    public init() {}

    /// - Parameter reason: `RefusalReason.rawValue`.
    public subscript(reason: Int) -> Count {
        get { counts[reason] }
        set { counts[reason] = newValue }
    }

    public subscript(reason: RefusalReason) -> Count {
        get { counts[Int(reason.rawValue)] }
        set { counts[Int(reason.rawValue)] = newValue }
    }

    /// A counter saturates at its maximum.
    mutating func count(_ reason: RefusalReason, times: UInt32 = 1) {
        let (sum, overflow) = self[reason].addingReportingOverflow(Count(clamping: times))
        self[reason] = overflow ? .max : sum
    }

    public static func == (one: Self, other: Self) -> Bool {
        one.elementsEqual(other)
    }
}

extension RefusalCounts: RandomAccessCollection, MutableCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { RefusalCounts.count }
}
