/// How many shares did not end as accepted, for each `RefusalReason`: a counter for every reason, in the order of their
/// raw values, and no block in the heap. (A worker's row holds one, and there are many rows.)
public struct RefusalCounts<Count: FixedWidthInteger & UnsignedInteger & Sendable>: Equatable, Sendable {
    /// One for each case of `RefusalReason`; a test holds the two together.
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

    /// A counter stays at the top of its range rather than wrap around.
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
