internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import Logging
internal import Supervision

// Changes of the shards and of their sockets while the service runs.
extension ServiceRun {
    /// Changes the addresses. Each shard gets the new sockets with its next process. The former addresses are served
    /// until all shards have them.
    func listen(on rebound: ShardSockets) {
        sockets = rebound
        log.notice("miners connect to \(rebound.binds.map(\.name).joined(separator: ", "))")
        guard !rebound.formerBinds.isEmpty else { return }
        let former = rebound.formerBinds.map(\.name).joined(separator: ", ")
        log.notice("previous addresses stay open until all shards are replaced: \(former)")
    }

    /// Closes the former addresses when every shard listens on the present ones.
    func leaveFormerAddresses() {
        guard !sockets.formerBinds.isEmpty else { return }
        log.notice("closed previous addresses: \(sockets.formerBinds.map(\.name).joined(separator: ", "))")
        // The supervisor's descriptors first, so that those of a shard are the last ones: the shard accepts the
        // connections waiting in their queues.
        sockets.closeFormer()
        for name in service.shards { children[name]?.say(.listen(socketCount: sockets.binds.count)) }
    }

    // MARK: - Drain and scale

    func drain(_ number: Int, withinSeconds seconds: Int) -> ControlReply {
        if let refusal = ServiceRun.refusal(ofSeconds: seconds) { return .refused(refusal) }
        return change("drain requested: shard \(number)") { (service) throws(RestartRefusal) in
            try service.drain(.shard(number), withinMillis: Int64(seconds) * 1_000, at: now)
        }
    }

    func scale(to count: Int, withinSeconds seconds: Int) -> ControlReply {
        if let refusal = ServiceRun.refusal(ofSeconds: seconds) { return .refused(refusal) }
        guard (1...Settings.shardsLimit).contains(count) else {
            let line = "expected a number of shards from 1 to \(Settings.shardsLimit), found \(count)"
            return .refused(ControlRefusal(.invalid, lines: [line]))
        }
        let reply = change("scaling requested: \(counted(count, "shard"))") { (service) throws(RestartRefusal) in
            try service.scale(to: count, withinMillis: Int64(seconds) * 1_000, at: now)
        }
        if case .begun = reply { isScaledByOperator = true }
        return reply
    }

    // MARK: - Growth

    /// With `"shards": "auto"`, more miners get more shards. Called when a shard has reported its load.
    func considerGrowth() {
        guard let shardsMax = configuration.settings.shardsMax, !isScaledByOperator, service.scalesTo == nil else {
            return
        }
        let miners = service.shards.reduce(0) { $0 + (children[$1]?.load?.miners ?? 0) }
        let growth = ShardGrowth(shardsMax: shardsMax)
        guard let wanted = growth.wanted(miners: miners, shards: service.shards.count) else { return }
        do throws(RestartRefusal) {
            let within = RestartPolicy.drainWithinMillis
            let orders = try service.scale(to: wanted, withinMillis: within, at: now)
            log.notice("\(counted(miners, "miner")): growing to \(counted(wanted, "shard"))")
            isGrowing = true
            perform(orders)
        } catch {
            // It starts or stops. The next report comes in a second.
        }
    }

    /// The requested number of shards is reached. New ones get their part of the miners.
    func scaled(to count: Int) {
        log.notice("scaled to \(counted(count, "shard"))")
        if isGrowing { _ = rebalance(isRequested: false) }
        isGrowing = false
    }

    private static func refusal(ofSeconds seconds: Int) -> ControlRefusal? {
        let range = 0...ControlRequest.withinSecondsMax
        guard !range.contains(seconds) else { return nil }
        let line = "expected a time from \(range.lowerBound) to \(range.upperBound) seconds, found \(seconds)"
        return ControlRefusal(.invalid, lines: [line])
    }

    private func change(
        _ what: String, _ ask: (inout Service) throws(RestartRefusal) -> [Order]
    ) -> ControlReply {
        do throws(RestartRefusal) {
            let orders = try ask(&service)
            log.notice("\(what)")
            perform(orders)
            return .begun
        } catch {
            return .refused(error.answer(shards: settings.shards))
        }
    }

    /// Frees what is kept for a shard that leaves.
    func tellShards(_ report: ChildReport, of name: ChildName) {
        guard case .shard(let number) = name else { return }
        switch report {
        case .merging:
            sockets.close(shard: number)
            // Before it is frozen: the connections waiting in its queues belong to the part that moves.
            children[name]?.say(.listen(socketCount: 0))
        case .draining:
            // The supervisor's descriptors first, so that the shard's are the last ones: it accepts the connections
            // waiting in their queues.
            sockets.close(shard: number)
        case .splitFailed:
            rebalancing?.stuck.insert(name)
        case .drained, .moved:
            sockets.close(shard: number)
            addresses.forget(shard: number)
            successions[number] = nil  // no later process continues it
        case .ready, .neverReady, .stalled, .killed, .crashed, .failed, .replacing, .handingOver, .handoverFailed,
            .moveFailed, .splitting, .split,
            .replaced,
            .stopped, .abandoned:
            break
        }
    }

    /// Called when the number of shards has grown. A new shard gets its sockets when its process is started.
    func grow(to count: Int) {
        sockets.resize(to: count)
        log.notice("\(counted(count, "shard")) now; restarting the collector, which reads from all of them")
        // The collector reads from the number of shards it was started with. Its successor connects to all of them
        // again and loses no events.
        perform(service.replace([.collector], at: now))
    }

    func shrink(to count: Int) {
        sockets.resize(to: count)
        successions = successions.filter { $0.key < count }
        log.notice("shard \(count) removed")
    }
}
