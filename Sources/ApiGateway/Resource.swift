/// What a path names.
enum Resource: Hashable, Sendable {
    case page(Page)
    /// `/1/workers/{name}`
    case worker(name: String)
    /// `/1/history`
    case history
    /// `/1/events`
    case events
    /// `/1/config`, `/2/config`
    case configuration
    /// A change of the shards
    case change(ShardChange)
    /// `/json_rpc`
    case jsonRPC
    /// `/healthz`
    case health

    /// Every path in which no name stands. With those of `init(path:)` it is the whole API; a test holds it against the
    /// OpenAPI document.
    static let fixedPaths: [String: Resource] = [
        "/": .page(.classicSummary),
        "/workers.json": .page(.classicWorkers),
        "/1/summary": .page(.summary),
        "/2/summary": .page(.summary),
        "/api.json": .page(.summary),
        "/2/backends": .page(.backends),
        "/1/workers": .page(.workers),
        "/1/miners": .page(.miners),
        "/1/shards": .page(.shards),
        "/1/shards/all/restart": .change(.restartAll),
        "/1/scale": .change(.scale),
        "/1/upstreams": .page(.upstreams),
        "/1/peers": .page(.peers),
        "/1/history": .history,
        "/1/events": .events,
        "/1/config": .configuration,
        "/2/config": .configuration,
        "/json_rpc": .jsonRPC,
        "/metrics": .page(.metrics),
        "/openapi.json": .page(.openAPI),
        "/healthz": .health,
        "/readyz": .page(.readiness),
    ]

    /// An exact match: no trailing slash, and percent-encoding in the names only that stand in a path.
    ///
    /// Throws when a name is wrongly encoded. nil when there is no such resource.
    init?(path: String) throws(HTTPError) {
        if let resource = Resource.fixedPaths[path] {
            self = resource
        } else if let name = Resource.part(of: path, after: "/1/workers/", before: "") {
            guard let name = PercentEncoding.decode(name) else {
                throw HTTPError(.badRequest, message: "The worker's name must be percent-encoded UTF-8.")
            }
            self = .worker(name: name)
        } else if let shard = Resource.shard(in: path, before: "/restart") {
            self = .change(.restart(shard: shard))
        } else if let shard = Resource.shard(in: path, before: "/drain") {
            self = .change(.drain(shard: shard))
        } else {
            return nil
        }
    }

    private static func shard(in path: String, before verb: String) -> Int? {
        // Digits only: `Int` would take a sign. More than nine are no number of a shard.
        guard let digits = part(of: path, after: "/1/shards/", before: verb),
            digits.utf8.count <= 9, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(digits)
    }

    static let readingMethods = "GET, HEAD, OPTIONS"

    /// As the header `Allow` wants them.
    var allowedMethods: String {
        switch self {
        case .page, .worker, .history, .events, .health: Resource.readingMethods
        case .configuration: "GET, HEAD, OPTIONS, POST, PUT"
        case .change, .jsonRPC: "OPTIONS, POST"
        }
    }

    /// Health checks of containers and load balancers know no token.
    var needsNoToken: Bool { self == .health || self == .page(.readiness) }

    /// Prometheus and health checks ask under any name that the network has for this machine. What they are shown names
    /// no miner's address and no wallet.
    var takesAnyHost: Bool { needsNoToken || self == .page(.metrics) }

    func allows(_ method: Router.Method) -> Bool {
        switch (self, method) {
        case (_, .options): true
        case (.page, .get), (.worker, .get), (.history, .get), (.events, .get), (.health, .get): true
        case (.configuration, .get), (.configuration, .put), (.configuration, .post): true
        case (.change, .post), (.jsonRPC, .post): true
        case (.page, _), (.worker, _), (.history, _), (.events, _), (.health, _), (.configuration, _), (.change, _),
            (.jsonRPC, _):
            false
        }
    }

    /// The one path segment between two texts; nil when the path has not this form, or nothing stands there.
    private static func part(of path: String, after prefix: String, before suffix: String) -> Substring? {
        // In bytes: an accent after a slash would be one character with it.
        let (path, prefix, suffix) = (path.utf8, prefix.utf8, suffix.utf8)
        guard path.count > prefix.count + suffix.count, path.starts(with: prefix),
            path.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        let part = path.dropFirst(prefix.count).dropLast(suffix.count)
        return part.contains(UInt8(ascii: "/")) ? nil : Substring(part)
    }
}

/// A document of the API. What it shows depends on `ServiceView` only, so one body serves all who ask.
enum Page: Int, CaseIterable, Sendable {
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

    /// What makes a body of this page old.
    var sources: Sources {
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

    /// The parts of the view that change each at its own pace.
    struct Sources: OptionSet, Sendable {
        let rawValue: UInt8

        static let snapshot = Sources(rawValue: 1)
        /// The document shows the uptime, ages, or readings of the machine.
        static let clock = Sources(rawValue: 2)
        /// The supervisor's word.
        static let status = Sources(rawValue: 4)
        static let miners = Sources(rawValue: 8)
    }
}
