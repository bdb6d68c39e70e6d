/// A page with parameters, or one worker: a document that is made for a query.
package enum PageQuery: Hashable, Sendable {
    /// `/1/workers/{name}`
    case worker(name: String)
    case workers(ListQuery<WorkerColumn>)
    case miners(ListQuery<MinerColumn>)
    case upstreams(ListQuery<UpstreamColumn>)
    case peers(ListQuery<PeerColumn>)

    /// nil if the query selects the whole page. Pages that are not lists have no parameters.
    ///
    /// - Parameter query: what follows the `?`, as received.
    package init?(_ page: Page, query: String) throws(QueryFault) {
        if query.isEmpty { return nil }
        switch page {
        case .workers:
            let list: ListQuery<WorkerColumn> = try ListQuery(parsing: query)
            if list.isWhole { return nil }
            self = .workers(list)
        case .miners:
            let list: ListQuery<MinerColumn> = try ListQuery(parsing: query)
            if list.isWhole { return nil }
            self = .miners(list)
        case .upstreams:
            let list: ListQuery<UpstreamColumn> = try ListQuery(parsing: query)
            if list.isWhole { return nil }
            self = .upstreams(list)
        case .peers:
            let list: ListQuery<PeerColumn> = try ListQuery(parsing: query)
            if list.isWhole { return nil }
            self = .peers(list)
        case .classicSummary, .classicWorkers, .summary, .backends, .shards, .metrics, .openAPI, .readiness:
            return nil
        }
    }

    /// The parts of the view that the document shows.
    package var sources: Page.Sources {
        switch self {
        case .worker: [.snapshot, .miners]
        case .workers: Page.workers.sources
        case .miners: Page.miners.sources
        case .upstreams: Page.upstreams.sources
        case .peers: Page.peers.sources
        }
    }
}
