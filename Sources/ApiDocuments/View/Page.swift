/// A document of the API that is the same for all clients: it shows `ServiceView` and readings of the machine.
package enum Page: Int, CaseIterable, Sendable {
    /// `/`
    case classicSummary
    /// `/workers.json`
    case classicWorkers
    /// `/1/summary`, `/2/summary`, `/api.json`
    case summary
    /// `/2/backends`
    case backends
    /// `/1/workers`
    case workers
    /// `/1/miners`
    case miners
    /// `/1/shards`
    case shards
    /// `/1/upstreams`
    case upstreams
    /// `/1/peers`
    case peers
    /// `/metrics`
    case metrics
    /// `/openapi.json`
    case openAPI
    /// `/readyz`
    case readiness

    /// The parts of the view that the page shows: when one of them changes, its body is out of date.
    package var sources: Sources {
        switch self {
        case .classicSummary, .summary: [.snapshot, .clock]
        case .classicWorkers, .workers: [.snapshot]
        case .upstreams: [.snapshot, .clock]
        case .peers: [.clock]
        case .miners: [.miners]
        case .shards, .metrics, .readiness: [.snapshot, .clock, .status]
        case .backends, .openAPI: []
        }
    }

    /// Parts of `ServiceView`.
    package struct Sources: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let snapshot = Sources(rawValue: 1)
        /// `time`: the page shows the uptime, ages, or readings of the machine.
        package static let clock = Sources(rawValue: 2)
        package static let status = Sources(rawValue: 4)
        package static let miners = Sources(rawValue: 8)
    }
}
