internal import Configuration
internal import StratumProtocol
internal import StratumSession

// Where the pools of the shard's connections are.

extension Worker {
    func dial(_ id: PoolConnectionID) {
        let link = PoolLink(id, worker: self)
        pools[id] = link
        guard let number = number(ofPool: id) else { return ended(link, reason: "not in the configuration") }
        // Where the pool has sent us, or its own address.
        let redirect = shard.redirect(of: id)
        link.dial(
            redirect?.host ?? settings.pools[number].host, port: redirect?.port ?? settings.pools[number].port)
    }

    /// Which of the settings' pools a connection is to; nil when they do not name it: it is of an earlier configuration.
    func number(ofPool id: PoolConnectionID) -> Int? {
        let name = shard.poolName(of: id)
        return settings.pools.firstIndex { $0.name == name }
    }
}
