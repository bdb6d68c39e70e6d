internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Linux
internal import Logging
internal import StratumProtocol
internal import StratumSession

/// Keeps the shard's saved state: the journal in memory that outlives the process (docs/HANDOVER.md). It decides when a
/// new snapshot is written, and what happens when the state does not fit.
final class JournalKeeper {
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
    /// The interval at which a state that does not fit is tried again. It may shrink: jobs change, and the nonces
    /// submitted for old ones are forgotten.
    private static let retryPause = Milliseconds.seconds(60)

    /// Names the code of this program by its build id: another build might decide otherwise on the same inputs.
    /// 0 = unknown: then nothing is replayed.
    static let rules = (ThisProcess.buildID ?? []).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }

    private let memory: StateMemory?
    private let log: Logger
    private let clock: () -> Instant
    /// nil when there is no memory, or the state did not fit.
    private var journal: StateJournal?
    /// Time of the last snapshot.
    private var writtenAt = Instant(microseconds: 0)
    /// When to try again a state that did not fit.
    private var retryAt = Instant(microseconds: 0)
    /// The memory of the previous snapshot, and of a longer log, has not been released.
    private var keepsSpareMemory = false

    /// Of the shard's TLS connections; nil when no state is saved.
    let marks: MarkTable?

    /// Writes the whole state.
    var state: (inout BinaryWriter) -> Void = { _ in }
    /// False while decisions are performed: their effects would be in neither the snapshot nor the log.
    var isAtRest: () -> Bool = { true }

    /// - Parameter memory: nil when no state is to be saved, or there is no memory for it.
    init(_ memory: StateMemory?, log: Logger, clock: @escaping () -> Instant) {
        self.memory = memory
        marks = memory.flatMap { MarkTable(endOf: $0.bytes) }
        self.log = log
        self.clock = clock
    }

    /// Whether the state is saved at present.
    var isKept: Bool { journal != nil }

    /// Whether a successor can restore the state when this process crashes.
    var isReplayable: Bool { journal != nil && JournalKeeper.rules != 0 }

    // MARK: - Inputs

    /// Where to read the next bytes of a peer: into the log. nil for any memory.
    /// - Parameter now: the time of the input.
    func room(for input: ShardInput, at now: Instant) -> UnsafeMutableRawBufferPointer? {
        guard journal != nil else { return nil }
        if !hasRoomToRead { renew() }
        guard journal != nil else { return nil }
        let bytes = Loop.readBytesMax + Loop.readPadding
        guard let room = journal?.log.begin(input, at: now, room: bytes) else {
            // Bytes read elsewhere would be missing in the log.
            lose()
            return nil
        }
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(Loop.readBytesMax))
    }

    /// The bytes for which `room` was given have been read.
    func commit(_ count: Int) { journal?.log.commit(count) }

    /// Logs another input. The shard decides on it afterwards.
    func append(_ input: ShardInput, _ bytes: UnsafeRawBufferPointer, at now: Instant) {
        guard journal != nil else { return }
        if journal?.log.append(input, bytes, at: now) == false { lose() }
    }

    private var hasRoomToRead: Bool {
        (journal?.log.room ?? 0) > 2 * (Loop.readBytesMax + Loop.readPadding)
    }

    // MARK: - Snapshots

    /// Starts to save the state.
    func begin() {
        guard let memory else { return }
        // The predecessor's saved state stays valid until the new snapshot is complete.
        journal =
            StateJournal(continuingIn: memory.bytes, rules: JournalKeeper.rules, state)
            ?? StateJournal(beginningIn: memory.bytes, rules: JournalKeeper.rules, state)
        guard journal != nil else { return lose() }
        noteCrashSafety()
        writtenAt = clock()
        keepsSpareMemory = true
        releaseSpareMemory()
    }

    /// Writes a new snapshot, so that the log before it is not needed any more.
    func renew() {
        guard journal != nil, isAtRest() else { return }
        guard journal?.renew(state) == true else { return lose() }
        writtenAt = clock()
        keepsSpareMemory = true
        if journal?.snapshotBytes ?? 0 > JournalKeeper.keptSnapshotBytesMax { releaseSpareMemory() }
    }

    /// Called at the end of each turn of the loop.
    func renewIfLong() {
        guard let logBytes = journal?.log.count, logBytes > JournalKeeper.logBytesMax else { return }
        // A very long snapshot leaves less room for the log.
        if logBytes > journal?.snapshotBytes ?? 0 || !hasRoomToRead { renew() }
    }

    /// Called once a second. A busy shard soon overwrites the memory of its previous snapshot, so it keeps that memory:
    /// releasing it costs more than the log itself, because the kernel clears each page before it is used again. A
    /// quiet shard needs neither that memory nor a long log.
    func tidy() {
        guard let logBytes = journal?.log.count, let snapshotBytes = journal?.snapshotBytes,
            clock() >= writtenAt + JournalKeeper.quietTime
        else { return }
        if logBytes > max(JournalKeeper.quietLogBytesMax, snapshotBytes / 4) { renew() }
        releaseSpareMemory()
    }

    private func releaseSpareMemory() {
        guard keepsSpareMemory, let parts = journal?.spareParts else { return }
        for part in parts { memory?.release(part) }
        keepsSpareMemory = false
    }

    // MARK: - A state that does not fit

    /// Called once a second. Starts to save the state again if it did not fit the memory before and does now.
    func retry() {
        guard journal == nil, let memory, clock() >= retryAt, isAtRest() else { return }
        retryAt = clock() + JournalKeeper.retryPause
        // The size is measured first, because a failed attempt would touch all pages of the memory.
        guard snapshotBytes <= StateJournal.snapshotBytesMax(inMemoryOf: memory.bytes.count) else { return }
        begin()
        if journal != nil { log.notice("the state is saved again: miners stay connected if this process crashes") }
    }

    /// The state or its log does not fit the memory.
    private func lose() {
        forget()
        if let memory { memory.release(0..<memory.bytes.count) }
        retryAt = clock() + JournalKeeper.retryPause
        log.error(
            """
            the state does not fit its memory and is not saved: miners reconnect if this process crashes; trying again \
            each minute
            """
        )
        noteCrashSafety()
    }

    /// Stops saving the state. An outdated one would be worse than none.
    func forget() {
        guard let journal = journal.take() else { return }
        journal.forget()
        noteCrashSafety()
    }

    /// Makes the memory empty for a successor, whether this process has saved a state in it or not.
    func forgetAll() {
        forget()
        if let memory { StateJournal.forget(in: memory.bytes) }
    }

    private func noteCrashSafety() {
        let text: String? =
            if journal == nil {
                "the state is not saved, miners reconnect if this process crashes"
            } else if JournalKeeper.rules == 0 {
                "this build of millrace-worker has no build id (linker option --build-id), miners reconnect if it crashes"
            } else {
                nil
            }
        Degradation.set("crash safety", text)
    }

    // MARK: - Sizes

    /// The size of a snapshot of the present state.
    var snapshotBytes: Int {
        var measure = BinaryWriter(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        state(&measure)
        return measure.count
    }

    /// The largest snapshot that leaves room for its log; 0 when no state is saved.
    var snapshotBytesMax: Int { journal?.snapshotBytesMax ?? 0 }
}
