internal import Telemetry

/// `/metrics`: the truth in Prometheus's text format 0.0.4. docs/METRICS.md explains each metric.
enum Metrics {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// - Parameters:
    ///   - pools: `Settings.Pool.name` of each pool, in the order of the configuration.
    ///   - workersMax: how many workers get series of their own, those with the highest hashrates first; 0 = none.
    static func text(
        of truth: Pages.Truth, identity: Identity, pools: [String], workersMax: Int, machine: MachineReadings
    ) -> [UInt8] {
        []
    }
}
