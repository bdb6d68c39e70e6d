internal import DaemonKit
internal import EventLoop
internal import Logging
internal import StratumSession
internal import Telemetry

// How a worker ends when nobody takes its place.

extension Worker {
    func supervisorGone() {
        lifelineWatch?.close()
        if stopDeadline == nil { log.notice("the supervisor closed its connection; stopping") }
        stop()
    }

    /// Takes no more shares, waits a moment for the pools' answers to those under way, then leaves.
    func stop() {
        guard stopDeadline == nil else { return }
        if isAbsorbed { return end(Checkpoint()) }
        // Whoever is told to stop takes its connections along.
        forgetJournal()
        stopDeadline = now + Worker.stopGrace
        for listener in listeners { listener.close() }
        for connection in miners { connection?.pause() }
        tick()
    }

    /// How long shares in flight may hold up the end: pools answer in a fraction of a second or not at all.
    private static let stopGrace = Milliseconds(1_000)

    func finish() {
        for connection in miners {
            guard let connection else { continue }
            drop(connection)
        }
        perform()
        letGoOfConnections()
        end(EventTranslation.checkpoint(shard, at: WallClock.milliseconds()))
    }

    /// Closes this process's descriptors; the shard is told of nothing.
    func letGoOfConnections() {
        gate?.forgetConnections()
        for listener in listeners { listener.close() }
        for connection in miners { connection?.close() }
        miners.removeAll()
        departures.closeAll()
        for link in pools.values { link.hangUp() }
        pools.removeAll()
        for timer in timers { timer.close() }
        timers.removeAll()
    }

    func end(_ last: Checkpoint) {
        reporter.close(last)
        for timer in timers { timer.close() }
        for signal in signals { signal.close() }
        lifelineWatch?.close()
        turnEnd?.close()
        loop.stop()
    }
}
