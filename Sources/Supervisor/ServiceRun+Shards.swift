internal import Configuration
internal import Control
internal import DaemonKit
internal import Logging
internal import Supervision

// Which shards there are, and which sockets they have, while the service runs.
extension ServiceRun {
    /// Other addresses than before: the shards get their sockets with their next processes, and until all have, those of the
    /// former addresses are served too.
    func listen(on rebound: ShardSockets) {
        sockets = rebound
        log.notice("miners connect to \(rebound.binds.map(\.name).joined(separator: ", "))")
        guard !rebound.formerBinds.isEmpty else { return }
        let former = rebound.formerBinds.map(\.name).joined(separator: ", ")
        log.notice("previous addresses stay open until all shards are replaced: \(former)")
    }

    /// Every shard listens on the present addresses.
    func leaveFormerAddresses() {
        guard !sockets.formerBinds.isEmpty else { return }
        log.notice("closed previous addresses: \(sockets.formerBinds.map(\.name).joined(separator: ", "))")
        // Ours first, so that a shard's are the last: it lets in who waits in their queues.
        sockets.closeFormer()
        for name in service.shards { children[name]?.say(.listen(socketCount: sockets.binds.count)) }
    }

    // MARK: - Fewer and more

    func drain(_ number: Int, withinSeconds seconds: Int) -> ControlReply {
        if let refusal = ServiceRun.refusal(ofSeconds: seconds) { return .refused(refusal) }
        return change("drain requested: shard \(number)") { (service) throws(RestartRefusal) in
            try service.drain(.shard(number), withinMillis: Int64(seconds) * 1_000, at: now)
        }
    }

    func scale(to count: Int, withinSeconds seconds: Int) -> ControlReply {
        if let refusal = ServiceRun.refusal(ofSeconds: seconds) { return .refused(refusal) }
        guard (1...Settings.shardsMax).contains(count) else {
            let line = "expected a number of shards from 1 to \(Settings.shardsMax), found \(count)"
            return .refused(ControlRefusal(.invalid, lines: [line]))
        }
        return change("scaling requested: \(counted(count, "shard"))") { (service) throws(RestartRefusal) in
            try service.scale(to: count, withinMillis: Int64(seconds) * 1_000, at: now)
        }
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

    /// What a shard's way out means for what is kept of it here.
    func tellShards(_ report: ChildReport, of name: ChildName) {
        guard case .shard(let number) = name else { return }
        switch report {
        case .merging:
            sockets.close(shard: number)
            // Before it stands still: whoever waits in its queues belongs to what is moved.
            children[name]?.say(.listen(socketCount: 0))
        case .draining:
            // Ours first, so that the shard's are the last: it lets in who waits in their queues.
            sockets.close(shard: number)
        case .splitFailed:
            rebalancing?.stuck.insert(name)
        case .drained, .moved:
            sockets.close(shard: number)
            addresses.forget(shard: number)
            successions[number] = nil  // no process comes that could continue
        case .ready, .neverReady, .stalled, .killed, .died, .failed, .replacing, .handingOver, .handoverFailed,
            .moveFailed, .splitting, .split,
            .replaced,
            .stopped, .abandoned:
            break
        }
    }

    /// The new shards have no sockets until their processes are spawned.
    func grow(to count: Int) {
        sockets.resize(to: count)
        log.notice("\(counted(count, "shard")) now; restarting the collector, which reads from all of them")
        // It listens to as many as it was started with. Its connections to the others' events are made anew, and nothing is lost.
        perform(service.replace([.collector], at: now))
    }

    func shrink(to count: Int) {
        sockets.resize(to: count)
        successions = successions.filter { $0.key < count }
        log.notice("shard \(count) removed")
    }
}
