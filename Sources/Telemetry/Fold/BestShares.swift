/// The highest actual difficulties of accepted shares: of the hashes, not of the jobs.
public struct BestShares: Equatable, Sendable {
    /// Descending, padded with zeros. Its length is always `Snapshot.Results.bestCount`.
    public private(set) var values = [UInt64](repeating: 0, count: Snapshot.Results.bestCount)

    public init() {}

    /// Inserts a difficulty if it is one of the highest.
    public mutating func offer(_ difficulty: UInt64) {
        // Nearly every share ends here.
        guard difficulty > values[values.count - 1] else { return }
        let place = values.firstIndex { $0 < difficulty } ?? values.count - 1
        values.removeLast()
        values.insert(difficulty, at: place)
    }
}

// MARK: - Coding

extension BestShares {
    func pack(to writer: inout ByteWriter) {
        for value in values { writer.packed(value) }
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        for index in values.indices {
            values[index] = try reader.packed()
            guard index == 0 || values[index] <= values[index - 1] else { throw .invalidField }
        }
    }
}
