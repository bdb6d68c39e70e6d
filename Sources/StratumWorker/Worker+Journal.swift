internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Continuity
internal import Linux
internal import Logging
internal import StratumProtocol
internal import StratumSession

// How a worker saves its state for its successor.

extension Worker {
    /// A longer log causes a new snapshot, unless the snapshot is longer than the log. 1 MiB is 3,500 shares, which a
    /// successor replays in four milliseconds, and still fits in the processor's cache.
    private static let logBytesMax = 1024 * 1024
    /// A shard that wrote no snapshot for this time has little load.
    private static let quietTime = Milliseconds(3_000)
    /// A quiet shard writes a new snapshot when its log is longer than this and than a quarter of the snapshot.
    private static let quietLogBytesMax = 64 * 1024

    /// The spare memory of a larger snapshot is released at once. Such a snapshot has tens of thousands of miners or
    /// hundreds of thousands of nonces, and is not written often.
    private static let keptSnapshotBytesMax = 4 * 1024 * 1024

    /// Names the code of this program by its build id: another build might decide otherwise on the same inputs.
    /// 0 = unknown: then nothing is replayed.
    static let rules = (ThisProcess.buildID ?? []).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }

    /// Where to read the next bytes of a peer: into the journal. nil for any memory.
    func room(for input: ShardInput) -> UnsafeMutableRawBufferPointer? {
        readAt = now
        guard journal != nil else { return nil }
        if !hasRoomToRead { renewJournal() }
        guard journal != nil else { return nil }
        let bytes = Loop.readBytesMax + Loop.readPadding
        guard let room = journal?.log.begin(input, at: readAt, room: bytes) else {
            // Bytes read elsewhere would be missing in the log.
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
        // A very long snapshot leaves less room for the log.
        if logBytes > journal?.snapshotBytes ?? 0 || !hasRoomToRead { renewJournal() }
    }

    /// Called once a second. A busy shard soon overwrites the memory of its previous snapshot, so it keeps that memory:
    /// releasing it costs more than the log itself, because the kernel clears each page before it is used again. A
    /// quiet shard needs neither that memory nor a long log.
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

    /// Writes a new snapshot, so that the log before it is not needed any more.
    func renewJournal() {
        // While commands are performed, their effects would be in neither the snapshot nor the log.
        guard journal != nil, shard.outbox.isEmpty, !isPerforming else { return }
        let own = snapshot
        guard journal?.renew({ writer in write(own, to: &writer) }) == true else { return loseJournal() }
        writtenAt = now
        keepsSpareMemory = true
        if journal?.snapshotBytes ?? 0 > Worker.keptSnapshotBytesMax { releaseSpareMemory() }
    }

    /// Whether a successor finds the state and the connections when this process crashes.
    var isCrashSafe: Bool { journal != nil && Worker.rules != 0 && anchor?.processID != nil }

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

    /// Starts to save the state.
    func beginJournal() {
        guard let memory else { return }
        let own = snapshot
        // The predecessor's saved state stays valid until the new snapshot is complete.
        journal =
            StateJournal(continuingIn: memory.bytes, rules: Worker.rules) { writer in write(own, to: &writer) }
            ?? StateJournal(beginningIn: memory.bytes, rules: Worker.rules) { writer in write(own, to: &writer) }
        guard journal != nil else { return loseJournal() }
        noteCrashSafety()
        writtenAt = now
        keepsSpareMemory = true
        releaseSpareMemory()
    }

    /// The interval at which a state that does not fit is tried again. It may shrink: jobs change, and the nonces
    /// submitted for old ones are forgotten.
    private static let retryPause = Milliseconds.seconds(60)

    /// Called once a second. Starts to save the state again if it did not fit the memory before and does now.
    func retryJournal() {
        guard journal == nil, let memory, stopDeadline == nil, !isAbsorbed, now >= retryAt, shard.outbox.isEmpty,
            !isPerforming
        else { return }
        retryAt = now + Worker.retryPause
        // Measured first, because a failed attempt would use all pages of the memory.
        guard snapshotBytes <= StateJournal.snapshotBytesMax(inMemoryOf: memory.bytes.count) else { return }
        beginJournal()
        if journal != nil { log.notice("the state is saved again: miners stay connected if this process crashes") }
    }

    /// The snapshot or the log does not fit the memory.
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

    /// Discards the saved state. An outdated state is worse than none.
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

    /// The size of the snapshot in bytes.
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
