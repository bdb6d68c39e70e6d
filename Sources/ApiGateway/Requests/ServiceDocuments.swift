internal import ApiDocuments
internal import Configuration
internal import HTTPServing

/// The documents of the service: which function of `ApiDocuments` writes each page, and the readings that it needs.
struct ServiceDocuments: DocumentSource {
    private let settings: Settings
    private let isRestricted: Bool
    private let needsToken: Bool
    private let opensToOtherOrigins: Bool
    private let identity: Identity
    private let readMachine: @Sendable () -> MachineReadings
    private let readRefusedTokens: @Sendable () -> RefusedTokens
    private let readPeers: @Sendable () -> PeerFacts?

    /// The readings are taken for each document that shows them.
    init(
        settings: Settings, api: Settings.API, identity: Identity,
        readMachine: @escaping @Sendable () -> MachineReadings,
        readRefusedTokens: @escaping @Sendable () -> RefusedTokens,
        readPeers: @escaping @Sendable () -> PeerFacts? = { nil }
    ) {
        self.settings = settings
        isRestricted = api.isRestricted
        needsToken = api.hasToken
        opensToOtherOrigins = api.opensToOtherOrigins
        self.identity = identity
        self.readMachine = readMachine
        self.readRefusedTokens = readRefusedTokens
        self.readPeers = readPeers
    }

    func answer(_ page: Page, of view: ServiceView) -> Answer {
        document(page, of: view).opened(toOtherOrigins: opensToOtherOrigins)
    }

    func answer(_ query: PageQuery, of view: ServiceView) throws(HTTPError) -> Answer {
        try document(query, of: view).opened(toOtherOrigins: opensToOtherOrigins)
    }

    private func document(_ page: Page, of view: ServiceView) -> Answer {
        switch page {
        case .classicSummary:
            .document(ClassicDocuments.summary(of: view.snapshot, identity: identity, uptime: view.uptime))
        case .classicWorkers:
            .document(ClassicDocuments.workers(of: view.snapshot))
        case .summary:
            .document(
                CurrentDocuments.summary(
                    of: view.snapshot, identity: identity, isRestricted: isRestricted, machine: readMachine(),
                    uptime: view.uptime))
        // Clients made for miners look here for processors and graphics cards, and fail if the path does not exist.
        case .backends: .document(Array("[]".utf8))
        case .workers:
            .document(CurrentDocuments.workers(of: view.snapshot, naming: settings.workerNaming))
        case .miners: .document(CurrentDocuments.miners(of: view))
        case .shards: .document(CurrentDocuments.shards(of: view))
        case .upstreams: .document(CurrentDocuments.upstreams(of: view))
        case .peers: .document(CurrentDocuments.peers(of: readPeers()))
        case .metrics:
            .document(
                Metrics.text(
                    of: view, identity: identity, workersMax: settings.metricsPerWorker,
                    keepsConnections: settings.keepsConnections, machine: readMachine(),
                    refusedTokens: readRefusedTokens(), peers: readPeers()),
                type: .metrics)
        case .openAPI: .document(OpenAPI.document(version: identity.version, needsToken: needsToken))
        case .readiness: .readiness(Readiness(view))
        }
    }

    private func document(_ query: PageQuery, of view: ServiceView) throws(HTTPError) -> Answer {
        switch query {
        case .worker(let name):
            guard let body = CurrentDocuments.worker(named: name, of: view) else { throw HTTPError(.notFound) }
            return .document(body)
        case .workers(let list):
            return .document(
                CurrentDocuments.workers(of: view.snapshot, naming: settings.workerNaming, list: list))
        case .miners(let list): return .document(CurrentDocuments.miners(of: view, list: list))
        case .upstreams(let list):
            return .document(CurrentDocuments.upstreams(of: view, list: list))
        case .peers(let list): return .document(CurrentDocuments.peers(of: readPeers(), list: list))
        }
    }
}
