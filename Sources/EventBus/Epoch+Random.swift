public import Telemetry

extension Epoch {
    /// A new epoch, from the system's randomness.
    public static func random() -> Epoch {
        // 0 is taken: it means "unknown".
        Epoch(high: .random(in: 1...UInt64.max), low: .random(in: 0...UInt64.max))
    }
}
