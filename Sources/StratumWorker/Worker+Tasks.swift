internal import Continuity
internal import EventLoop
internal import Logging
internal import StratumSession

// Requests of the supervisor, and reports to it.
extension Worker {
    func hearSupervisor() {
        while let news = lifeline.next() {
            // An absorbed shard has nothing left to do.
            if succession.isAbsorbed, news != .cut { continue }
            switch news {
            case .cut: return supervisorGone()
            case .word(.freeze): freeze()
            case .absorb(let shard): absorb(shard)
            // Late messages, which are no longer valid.
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

    /// Closes the further listening sockets. The supervisor has closed its own descriptors of them.
    func listen(onFirst count: Int) {
        for listener in listeners.removeAll(behindFirst: count) { listener.acceptRestAndClose() }
    }

    // MARK: - Draining

    /// Stops accepting miners and schedules the disconnection of the present ones; `goOnDraining` does the rest.
    func drain(withinMillis millis: Int64) {
        guard draining == nil, stopDeadline == nil else { return }
        listen(onFirst: 0)
        var chance = SystemRandomNumberGenerator()
        draining = DrainSchedule(shard.minerIDs, from: now, withinMillis: millis, using: &chance)
        log.notice("draining: taking no new miners", metadata: ["miners": "\(shard.connections)", "ms": "\(millis)"])
    }

    /// Disconnects the miners that are due, and ends the process after the last one.
    func goOnDraining() {
        guard draining != nil, stopDeadline == nil else { return }
        let isOver = draining?.isOver(at: now) == true
        for id in draining?.due(at: now) ?? [] {
            guard let connection = miners[id] else { continue }
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
        if isOver || (shard.connections == 0 && miners.lingering.count == 0) { stop() }
    }

    /// Shuts down the connection after the queued bytes.
    private func sendAway(_ connection: MinerConnection) {
        apply(.minerClosed(connection.id))
        forget(connection)
        miners.lingering.add(connection, at: now)
    }
}
