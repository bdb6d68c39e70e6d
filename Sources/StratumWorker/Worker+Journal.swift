internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Continuity
internal import Linux
internal import Logging
internal import StratumProtocol
internal import StratumSession

// What a worker writes down for its successor.

extension Worker {
    /// A log of this length is replaced by a new form, if that is not longer still: 3,500 shares, which a successor decides
    /// again in four milliseconds, and few enough bytes to stay in the processor's cache.
    private static let logBytesMax = 1024 * 1024
    /// A shard that has not written its form for so long has little to do.
    private static let quietTime = Milliseconds(3_000)
    /// Then a log of this length is worth a new form, if it is not short beside that.
    private static let quietLogBytesMax = 64 * 1024

    /// The memory of a longer form is given back at once: it has tens of thousands of miners, or hundreds of thousands of nonces in it,
    /// and is not written often.
    private static let keptSnapshotBytesMax = 4 * 1024 * 1024

    /// Names the code of this program by its build id: another build might decide otherwise on the same inputs.
    /// 0 = unknown: then nothing is replayed.
    static let rules = (ThisProcess.buildID ?? []).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }

    /// Where the next bytes of a peer shall be read: right into the journal. nil = wherever.
    func room(for input: ShardInput) -> UnsafeMutableRawBufferPointer? {
        readAt = now
        guard journal != nil else { return nil }
        if !hasRoomToRead { renewJournal() }
        guard journal != nil else { return nil }
        let bytes = Loop.readBytesMax + Loop.readPadding
        guard let room = journal?.log.begin(input, at: readAt, room: bytes) else {
            // What is read elsewhere would be missing in it.
            loseJournal()
            return nil
        }
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(Loop.readBytesMax))
    }

    private var hasRoomToRead: Bool {
        (journal?.log.room ?? 0) > 2 * (Loop.readBytesMax + Loop.readPadding)
    }

    func renewJournalIfLong() {
        guard let logBytes = journal?.log.count, logBytes > Worker.logBytesMax else { return }
        // Of a form that is very long the log has not as much room.
        if logBytes > journal?.snapshotBytes ?? 0 || !hasRoomToRead { renewJournal() }
    }

    /// Once a second. A busy shard soon writes over the memory of its form before, so that is kept: to give it back costs more
    /// than the log itself, for the kernel clears each page before we get it again. A quiet one needs neither that nor a log.
    func tidyJournal() {
        guard let logBytes = journal?.log.count, let snapshotBytes = journal?.snapshotBytes,
            now >= writtenAt + Worker.quietTime
        else { return }
        if logBytes > max(Worker.quietLogBytesMax, snapshotBytes / 4) { renewJournal() }
        releaseSpareMemory()
    }

    private func releaseSpareMemory() {
        guard keepsSpareMemory, let parts = journal?.spareParts else { return }
        for part in parts { memory?.release(part) }
        keepsSpareMemory = false
    }

    /// Writes the whole state anew, so that the log before is not needed any more.
    func renewJournal() {
        // In the middle of performing, decisions would be in neither.
        guard journal != nil, shard.outbox.isEmpty, !isPerforming else { return }
        let own = snapshot
        guard journal?.renew({ writer in write(own, to: &writer) }) == true else { return loseJournal() }
        writtenAt = now
        keepsSpareMemory = true
        if journal?.snapshotBytes ?? 0 > Worker.keptSnapshotBytesMax { releaseSpareMemory() }
    }

    /// Whether a successor finds the state and the connections when this process crashes.
    var isCrashSafe: Bool { journal != nil && Worker.rules != 0 && anchor?.processID != nil }

    /// Where the state is kept for a successor; nil when nothing is to be kept, or there is no room for it.
    static func memory(
        _ launchContext: LaunchContext, _ standing: StartRole, _ log: Logger
    ) throws(SystemCallFailure) -> StateMemory? {
        guard let succession = launchContext.succession else { return nil }
        do throws(SystemCallFailure) {
            return try StateMemory(descriptor: succession.memory)
        } catch {
            // Who still has all of it can continue.
            guard standing == .alone else { throw error }
            log.error(
                "no memory for saved state (\(error)): miners reconnect if this process crashes; raise ulimit -v and restart it"
            )
            Degradation.set(
                "crash safety", "no memory for saved state (\(error)), miners reconnect if this process crashes")
            return nil
        }
    }

    /// Begins to write down what happens.
    func beginJournal() {
        guard let memory else { return }
        let own = snapshot
        // What a predecessor left stays good until ours is whole.
        journal =
            StateJournal(continuingIn: memory.bytes, rules: Worker.rules) { writer in write(own, to: &writer) }
            ?? StateJournal(beginningIn: memory.bytes, rules: Worker.rules) { writer in write(own, to: &writer) }
        guard journal != nil else { return loseJournal() }
        noteCrashSafety()
        writtenAt = now
        keepsSpareMemory = true
        releaseSpareMemory()
    }

    /// A state that does not fit is tried again so often: jobs change, and the nonces that were seen in them are forgotten.
    private static let retryPause = Milliseconds.seconds(60)

    /// Once a second: begins again to write down what happens, if the state had not fitted its memory and does now.
    func retryJournal() {
        guard journal == nil, let memory, stopDeadline == nil, !isAbsorbed, now >= retryAt, shard.outbox.isEmpty,
            !isPerforming
        else { return }
        retryAt = now + Worker.retryPause
        // Measured first: an attempt that fails would take all pages of the memory.
        guard snapshotBytes <= StateJournal.snapshotBytesMax(inMemoryOf: memory.bytes.count) else { return }
        beginJournal()
        if journal != nil { log.notice("the state is saved again: miners stay connected if this process crashes") }
    }

    /// The state, or the log of what has happened since it was written, does not fit its memory.
    func loseJournal() {
        forgetJournal()
        if let memory { memory.release(0..<memory.bytes.count) }
        retryAt = now + Worker.retryPause
        log.error(
            """
            the state does not fit its memory and is not saved: miners reconnect if this process crashes; trying again \
            each minute
            """
        )
        noteCrashSafety()
    }

    /// A state that lags behind is worse than none.
    func forgetJournal() {
        guard let journal = journal.take() else { return }
        journal.forget()
        noteCrashSafety()
    }

    private func noteCrashSafety() {
        let text: String? =
            if journal == nil {
                "the state is not saved, miners reconnect if this process crashes"
            } else if Worker.rules == 0 {
                "this build of millrace-worker has no build id (linker option --build-id), miners reconnect if it crashes"
            } else {
                nil
            }
        Degradation.set("crash safety", text)
    }

    /// What our state takes, written down.
    var snapshotBytes: Int {
        let own = snapshot
        var measure = BinaryWriter(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        write(own, to: &measure)
        return measure.count
    }

    private func write(_ own: WorkerState, to writer: inout BinaryWriter) {
        own.encode(to: &writer)
        shard.encode(to: &writer)
    }

    private var snapshot: WorkerState {
        var state = WorkerState(incarnation: UInt64(launchContext.succession?.incarnation ?? 0))
        state.miners.reserveCapacity(shard.connections)
        for case let miner? in miners {
            let descriptor = miner.descriptor
            let unsent = miner.queuedBytes > 0 ? miner.unsentBytes : withheld[descriptor] ?? []
            state.miners.append(
                WorkerState.Entry(
                    id: miner.id, connection: WorkerState.Connection(descriptor: descriptor, unsent: unsent)))
        }
        for (id, link) in pools {
            let unsent = link.unsentBytes + (withheld[link.descriptor] ?? [])
            state.pools.append(
                WorkerState.Entry(
                    id: id, connection: WorkerState.Connection(descriptor: link.descriptor, unsent: unsent)))
        }
        state.events = reporter.written()
        state.poolNames = shard.policy.pools.map(\.name)
        state.absorbed = absorbed
        return state
    }
}
