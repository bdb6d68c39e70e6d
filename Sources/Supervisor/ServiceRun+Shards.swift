internal import Configuration
internal import DaemonKit
internal import Logging
internal import Supervision

// Which sockets the shards have, while the service runs.
extension ServiceRun {
    /// Other addresses than before: the shards get their sockets with their next processes, and until all have, those of the
    /// former addresses are served too.
    func listen(on rebound: ShardSockets) {
        sockets = rebound
        log.notice("miners connect to \(rebound.binds.map(\.name).joined(separator: ", "))")
        guard !rebound.formerBinds.isEmpty else { return }
        let former = rebound.formerBinds.map(\.name).joined(separator: ", ")
        log.notice("until all shards are replaced they connect to \(former) too")
    }

    /// Every shard listens on the present addresses.
    func leaveFormerAddresses() {
        guard !sockets.formerBinds.isEmpty else { return }
        log.notice("no miners connect any more to \(sockets.formerBinds.map(\.name).joined(separator: ", "))")
        // Ours first, so that a shard's are the last: it lets in who waits in their queues.
        sockets.closeFormer()
        for name in service.shards { children[name]?.say(.listen(socketCount: sockets.binds.count)) }
    }
}
