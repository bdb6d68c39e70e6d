public import Telemetry

/// Reads the history beside the collector that writes it; any number of threads may share one reader.
public final class HistoryReader: Sendable {
    private let path: String

    /// Opens nothing yet: the file may come later, be set aside, and come again.
    /// - Parameter path: `Settings.database`.
    public init(path: String) {
        self.path = path
    }

    /// - Parameters:
    ///   - from: seconds since 1970; rounded down to a multiple of `step`.
    ///   - to: seconds since 1970; the points begin before it.
    ///   - step: seconds; a multiple of 60.
    /// - Returns: ascending; stretches without activity are absent.
    public func points(
        of series: HistorySeries, from: UInt64, to: UInt64, step: UInt64
    ) throws -> [HistoryPoint] { [] }

    /// - Returns: nil when no such worker is remembered.
    public func workerID(named name: String) throws -> UInt32? { nil }
}
