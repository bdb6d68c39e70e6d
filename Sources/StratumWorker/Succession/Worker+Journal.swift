internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Linux
internal import Logging
internal import StratumProtocol
internal import StratumSession

// What a worker saves for its successor (`JournalKeeper` says when).

extension Worker {
    /// Where to read the next bytes of a peer: into the journal. nil for any memory.
    func room(for input: ShardInput) -> UnsafeMutableRawBufferPointer? {
        readAt = now
        return journal.room(for: input, at: readAt)
    }

    /// Whether a successor finds the state and the connections when this process crashes.
    var isCrashSafe: Bool { journal.isReplayable && anchor?.processID != nil }

    /// The memory for the saved state; nil when no state is to be saved, or there is no memory for it.
    static func memory(
        _ launchContext: LaunchContext, _ standing: StartRole, _ log: Logger
    ) throws(SystemCallFailure) -> StateMemory? {
        guard let succession = launchContext.succession else { return nil }
        do throws(SystemCallFailure) {
            return try StateMemory(descriptor: succession.memory)
        } catch {
            // A predecessor that is frozen still has the whole state and can continue.
            guard standing == .alone else { throw error }
            log.error(
                "no memory for saved state (\(error)): miners reconnect if this process crashes; raise ulimit -v and restart it"
            )
            Degradation.set(
                "crash safety", "no memory for saved state (\(error)), miners reconnect if this process crashes")
            return nil
        }
    }

    /// A snapshot is published with the marks of all its connections: a successor must meet them (`MarkTable`).
    func writeState(to writer: inout BinaryWriter) {
        storeMarks()
        snapshot.encode(to: &writer)
        shard.encode(to: &writer)
    }

    /// Called before bytes for a miner are written.
    func storeMark(of connection: MinerConnection) {
        guard connection.hasMark else { return }
        journal.marks?[connection.id] = shard.mark(of: connection.id) ?? MarkTable.ended
    }

    /// Called before bytes for a pool are written.
    func storeMark(of id: PoolConnectionID) {
        guard pools[id]?.hasMark == true else { return }
        journal.marks?[id] = shard.mark(of: id) ?? MarkTable.ended
    }

    private func storeMarks() {
        for miner in miners.all { storeMark(of: miner) }
        for link in pools.all { storeMark(of: link.id) }
    }

    private var snapshot: WorkerState {
        var state = WorkerState(incarnation: UInt64(launchContext.succession?.incarnation ?? 0))
        state.miners.reserveCapacity(shard.connections)
        for miner in miners.all {
            let descriptor = miner.descriptor
            let unsent = miner.queuedBytes > 0 ? miner.unsentBytes : succession.withheld[descriptor] ?? []
            state.miners.append(
                WorkerState.Entry(
                    id: miner.id, connection: WorkerState.Connection(descriptor: descriptor, unsent: unsent)))
        }
        for link in pools.all {
            let unsent = link.unsentBytes + (succession.withheld[link.descriptor] ?? [])
            state.pools.append(
                WorkerState.Entry(
                    id: link.id, connection: WorkerState.Connection(descriptor: link.descriptor, unsent: unsent)))
        }
        state.events = reporter.written()
        state.poolNames = shard.policy.pools.map(\.name)
        state.absorbed = succession.absorbed
        return state
    }
}
