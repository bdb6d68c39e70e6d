extension [UInt8] {
    /// As a network may cut it: pieces of that size, the last one as long as the rest.
    public func pieces(of size: Int) -> [[UInt8]] {
        // A size of .max is one piece.
        let size = Swift.min(size, Swift.max(count, 1))
        return stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
