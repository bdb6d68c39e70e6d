internal import Configuration
internal import StratumProtocol
internal import StratumSession

// The addresses of the shard's pool connections.

extension Worker {
    func dial(_ id: PoolConnectionID) {
        let link = PoolLink(id, worker: self)
        pools.enter(link)
        guard let endpoint = endpoint(of: id) else { return ended(link, reason: "not in the configuration") }
        link.dial(endpoint)
    }

    /// Where the pool of a connection's seat is reached: its configured address, or the target of its redirect. nil when
    /// the pool was removed from the configuration.
    func endpoint(of id: PoolConnectionID) -> PoolEndpoint? {
        guard let rank = shard.rank(of: id), rank < settings.pools.count else { return nil }
        var endpoint = PoolEndpoint(settings.pools[rank])
        if let redirect = shard.redirect(of: id) {
            endpoint.host = redirect.host ?? endpoint.host
            endpoint.port = redirect.port ?? endpoint.port
        }
        return endpoint
    }
}
