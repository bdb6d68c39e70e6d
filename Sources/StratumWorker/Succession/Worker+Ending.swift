internal import DaemonKit
internal import EventLoop
internal import Logging
internal import StratumSession
internal import Telemetry

// How a worker ends without a successor.

extension Worker {
    func supervisorGone() {
        lifelineWatch?.close()
        if stopDeadline == nil { log.notice("the supervisor closed its connection; stopping") }
        stop()
    }

    /// Stops reading from miners, waits a moment for answers of the pools to shares in flight, and ends.
    func stop() {
        guard stopDeadline == nil else { return }
        if succession.isAbsorbed { return end(Worker.emptyCheckpoint) }
        // The connections end with this process, so the saved state must not be used.
        journal.forget()
        stopDeadline = now + Worker.stopGrace
        listeners.close()
        for connection in miners.all { connection.pause() }
        tick()
    }

    /// The longest wait for shares in flight. Pools answer within a fraction of a second, or not at all.
    private static let stopGrace = Milliseconds(1_000)

    func finish() {
        for connection in miners.all { drop(connection) }
        perform()
        letGoOfConnections()
        end(EventTranslation.checkpoint(shard, at: WallClock.milliseconds()))
    }

    /// Closes this process's descriptors. The shard gets no input about it.
    func letGoOfConnections() {
        gate?.forgetConnections()
        listeners.close()
        handshakes.close()
        miners.closeAll()
        pools.hangUpAll()
        for timer in timers { timer.close() }
        timers.removeAll()
    }

    func end(_ last: Checkpoint) {
        reporter.close(last)
        for timer in timers { timer.close() }
        for signal in signals { signal.close() }
        lifelineWatch?.close()
        handshakes.close()
        turnEnd?.close()
        loop.stop()
    }
}
