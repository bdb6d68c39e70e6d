internal import Continuity
internal import EventLoop
internal import Logging
internal import StratumSession

// What the supervisor asks of a running shard, and what it is told unasked.
extension Worker {
    func hearSupervisor() {
        while let news = lifeline.next() {
            // Nothing is left that could be done.
            if isAbsorbed, news != .cut { continue }
            switch news {
            case .cut: return supervisorGone()
            case .word(.freeze): freeze()
            case .absorb(let shard): absorb(shard)
            // Late: not a moment to obey.
            case .word(.resume), .word(.leave), .word(.adopt), .word(.go), .word(.absorbed), .release: break
            case .task(.listen(let count)): listen(onFirst: count)
            case .task(.drain(let millis)): drain(withinMillis: millis)
            }
        }
    }

    func sayHeartbeat() {
        lifeline.sayHeartbeat()
        lifeline.say(.load(ShardLoad(miners: shard.minersNow, upstreams: shard.upstreamCounts.active)))
    }

    /// Gives the other sockets up: the supervisor has closed its own descriptors of them.
    func listen(onFirst count: Int) {
        guard count < listeners.count else { return }
        let others = listeners[count...]
        listeners.removeSubrange(count...)
        for listener in others { listener.acceptRestAndClose() }
    }

    // MARK: - Draining

    /// Takes no new miners and sends those that are there away; `goOnDraining` does the rest.
    func drain(withinMillis millis: Int64) {
        guard draining == nil, stopDeadline == nil else { return }
        listen(onFirst: 0)
        var chance = SystemRandomNumberGenerator()
        draining = DrainSchedule(shard.minerIDs, from: now, withinMillis: millis, using: &chance)
        log.notice("draining: taking no new miners", metadata: ["miners": "\(shard.connections)", "ms": "\(millis)"])
    }

    /// Sends away whose moment has come, and leaves behind the last.
    func goOnDraining() {
        guard draining != nil, stopDeadline == nil else { return }
        let isOver = draining?.isOver(at: now) == true
        for id in draining?.due(at: now) ?? [] {
            guard let connection = miner(id) else { continue }
            if isOver {
                connection.reset()
                drop(connection)
            } else if shard.owesReply(to: id) {
                draining?.putOff(id)
            } else {
                sendAway(connection)
            }
        }
        perform()
        if isOver || (shard.connections == 0 && departures.count == 0) { stop() }
    }

    /// Ends the connection behind everything that was said on it.
    private func sendAway(_ connection: MinerConnection) {
        take(.minerClosed(connection.id))
        forget(connection)
        departures.add(connection, at: now)
    }
}
