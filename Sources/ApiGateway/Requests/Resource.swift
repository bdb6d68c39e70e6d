internal import ApiDocuments
internal import HTTPServing

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
    /// A change of the shards.
    case change(ShardChange)
    /// `/json_rpc`
    case jsonRPC
    /// `/healthz`
    case health

    /// Every path without a name in it. With those of `init(path:)` this is the whole API; a test compares it with the
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

    /// The resource with exactly this path: no trailing slash, and percent-encoding only in names.
    ///
    /// Throws 400 if a name is not valid percent-encoding. nil if there is no such resource.
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
        // Digits only: `Int` would accept a sign. More than nine digits are not the number of a shard.
        guard let digits = part(of: path, after: "/1/shards/", before: verb),
            digits.utf8.count <= 9, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(digits)
    }

    /// The value of the header `Allow`.
    var allowedMethods: String {
        switch self {
        case .page, .worker, .history, .events, .health: HTTPError.readingMethods
        case .configuration: "GET, HEAD, OPTIONS, POST, PUT"
        case .change, .jsonRPC: "OPTIONS, POST"
        }
    }

    /// Health checks of containers and load balancers have no token.
    var needsNoToken: Bool { self == .health || self == .page(.readiness) }

    /// Prometheus and health checks use any name that the network has for this machine. Their documents contain no
    /// address of a miner and no wallet.
    var acceptsAnyHost: Bool { needsNoToken || self == .page(.metrics) }

    func allows(_ method: HTTPMethod) -> Bool {
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

    /// As in xmrig-proxy: not available while `http.restricted` is true.
    var isClosedWhenRestricted: Bool {
        switch self {
        case .configuration, .change, .jsonRPC: true
        case .page, .worker, .history, .events, .health: false
        }
    }

    /// Stricter than xmrig-proxy: changes need a token, because a web page in an operator's browser could make them.
    var changesTheService: Bool {
        switch self {
        case .configuration, .change: true
        case .jsonRPC, .page, .worker, .history, .events, .health: false
        }
    }

    /// The one path segment between two texts; nil if the path has another form, or the segment is empty.
    private static func part(of path: String, after prefix: String, before suffix: String) -> Substring? {
        // In bytes: Swift would combine an accent with the slash before it.
        let (path, prefix, suffix) = (path.utf8, prefix.utf8, suffix.utf8)
        guard path.count > prefix.count + suffix.count, path.starts(with: prefix),
            path.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        let part = path.dropFirst(prefix.count).dropLast(suffix.count)
        return part.contains(UInt8(ascii: "/")) ? nil : Substring(part)
    }
}
