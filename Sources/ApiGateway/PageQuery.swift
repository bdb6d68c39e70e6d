/// What one client wants to see of a page.
enum PageQuery: Hashable, Sendable {
    /// `/1/workers/{name}`
    case worker(name: String)
    case workers(ListQuery<WorkerColumn>)
    case miners(ListQuery<MinerColumn>)
    case upstreams(ListQuery<UpstreamColumn>)
    case peers(ListQuery<PeerColumn>)

    /// nil when the query wants nothing of the page but the page; what it says to pages that are no lists is ignored.
    ///
    /// - Parameter query: what stands after the `?`, as it came.
    init?(_ page: Page, query: String) throws(HTTPError) {
        if query.isEmpty { return nil }
        switch page {
        case .workers:
            let list: ListQuery<WorkerColumn> = try PageQuery.list(query)
            if list.isWhole { return nil }
            self = .workers(list)
        case .miners:
            let list: ListQuery<MinerColumn> = try PageQuery.list(query)
            if list.isWhole { return nil }
            self = .miners(list)
        case .upstreams:
            let list: ListQuery<UpstreamColumn> = try PageQuery.list(query)
            if list.isWhole { return nil }
            self = .upstreams(list)
        case .peers:
            let list: ListQuery<PeerColumn> = try PageQuery.list(query)
            if list.isWhole { return nil }
            self = .peers(list)
        case .classicSummary, .classicWorkers, .summary, .backends, .shards, .metrics, .openAPI, .readiness:
            return nil
        }
    }

    /// What makes an answer old.
    var sources: Page.Sources {
        switch self {
        case .worker: [.snapshot, .miners]
        case .workers: Page.workers.sources
        case .miners: Page.miners.sources
        case .upstreams: Page.upstreams.sources
        case .peers: Page.peers.sources
        }
    }

    private static func list<Column: ListColumn>(_ query: String) throws(HTTPError) -> ListQuery<Column> {
        do throws(QueryFault) {
            return try ListQuery(parsing: query)
        } catch {
            throw HTTPError(.badRequest, message: error.description)
        }
    }
}
