/// The highest difficulties that hashes of accepted shares really had.
public struct BestShares: Equatable, Sendable {
    /// Descending, zero padded, always `Snapshot.Results.bestCount` long.
    public private(set) var values = [UInt64](repeating: 0, count: Snapshot.Results.bestCount)

    public init() {}

    public mutating func offer(_ difficulty: UInt64) {
        // Nearly every share fails here.
        guard difficulty > values[values.count - 1] else { return }
        let place = values.firstIndex { $0 < difficulty } ?? values.count - 1
        values.removeLast()
        values.insert(difficulty, at: place)
    }
}
