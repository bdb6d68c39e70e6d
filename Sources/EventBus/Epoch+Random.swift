public import Telemetry

extension Epoch {
    /// A new random epoch from the system's random number generator.
    public static func random() -> Epoch {
        // 0 means "unknown".
        Epoch(high: .random(in: 1...UInt64.max), low: .random(in: 0...UInt64.max))
    }
}
