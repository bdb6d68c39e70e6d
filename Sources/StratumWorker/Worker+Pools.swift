internal import Configuration
internal import StratumProtocol
internal import StratumSession

// The addresses of the shard's pool connections.

extension Worker {
    func dial(_ id: PoolConnectionID) {
        let link = PoolLink(id, worker: self)
        pools.enter(link)
        guard let number = number(ofPool: id) else { return ended(link, reason: "not in the configuration") }
        // A redirect of the pool, or its configured address.
        let redirect = shard.redirect(of: id)
        link.dial(
            redirect?.host ?? settings.pools[number].host, port: redirect?.port ?? settings.pools[number].port)
    }

    /// The index of a connection's pool in the settings; nil when the pool was removed from the configuration.
    func number(ofPool id: PoolConnectionID) -> Int? {
        let name = shard.poolName(of: id)
        return settings.pools.firstIndex { $0.name == name }
    }
}
