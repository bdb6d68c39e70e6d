internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Handover
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
    private static let keptFormBytesMax = 4 * 1024 * 1024

    /// Names this program: one with other rules might decide otherwise on the same inputs.
    static let rules: UInt64 = {
        var status = stat()
        guard stat("/proc/self/exe", &status) == 0 else { return 0 }
        let seconds = UInt64(bitPattern: Int64(status.st_mtim.tv_sec))
        let fraction = UInt64(bitPattern: Int64(status.st_mtim.tv_nsec))
        return (seconds << 24 ^ fraction) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(bitPattern: Int64(status.st_size))
    }()

    /// Where the next bytes of a peer shall be read: right into the chronicle. nil = wherever.
    func room(for input: ShardInput) -> UnsafeMutableRawBufferPointer? {
        readAt = now
        guard chronicle != nil else { return nil }
        if !hasRoomToRead { renewChronicle() }
        guard chronicle != nil else { return nil }
        let bytes = Loop.readBytesMax + Loop.readPadding
        guard let room = chronicle?.log.begin(input, at: readAt, room: bytes) else {
            // What is read elsewhere would be missing in it.
            loseChronicle()
            return nil
        }
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(Loop.readBytesMax))
    }

    private var hasRoomToRead: Bool {
        (chronicle?.log.room ?? 0) > 2 * (Loop.readBytesMax + Loop.readPadding)
    }

    func renewChronicleIfLong() {
        guard let logBytes = chronicle?.log.count, logBytes > Worker.logBytesMax else { return }
        // Of a form that is very long the log has not as much room.
        if logBytes > chronicle?.formBytes ?? 0 || !hasRoomToRead { renewChronicle() }
    }

    /// Once a second. A busy shard soon writes over the memory of its form before, so that is kept: to give it back costs more
    /// than the log itself, for the kernel clears each page before we get it again. A quiet one needs neither that nor a log.
    func tidyChronicle() {
        guard let logBytes = chronicle?.log.count, let formBytes = chronicle?.formBytes,
            now >= writtenAt + Worker.quietTime
        else { return }
        if logBytes > max(Worker.quietLogBytesMax, formBytes / 4) { renewChronicle() }
        releaseSpareMemory()
    }

    private func releaseSpareMemory() {
        guard keepsSpareMemory, let parts = chronicle?.spareParts else { return }
        for part in parts { memory?.release(part) }
        keepsSpareMemory = false
    }

    /// Writes the whole state anew, so that the log before is not needed any more.
    func renewChronicle() {
        // In the middle of performing, decisions would be in neither.
        guard chronicle != nil, shard.outbox.isEmpty, !isPerforming else { return }
        let own = form
        guard chronicle?.renew({ form in write(own, to: &form) }) == true else { return loseChronicle() }
        writtenAt = now
        keepsSpareMemory = true
        if chronicle?.formBytes ?? 0 > Worker.keptFormBytesMax { releaseSpareMemory() }
    }

    /// Whether a successor finds the state and the connections when this process crashes.
    var isCrashSafe: Bool { chronicle != nil && anchor?.processID != nil }

    /// Where the state is kept for a successor; nil when nothing is to be kept, or there is no room for it.
    static func memory(
        _ inheritance: Inheritance, _ standing: Standing, _ log: Logger
    ) throws(HandoverFailure) -> StateMemory? {
        guard let legacy = inheritance.legacy else { return nil }
        do throws(HandoverFailure) {
            return try StateMemory(descriptor: legacy.memory)
        } catch {
            // Who still has all of it can continue.
            guard standing == .alone else { throw error }
            log.error(
                "no memory for saved state (\(error)): miners reconnect if this process crashes; raise ulimit -v and restart it"
            )
            Degradation.set(
                "crash safety", "no memory for a successor (\(error)), miners reconnect when this process dies")
            return nil
        }
    }

    /// Begins to write down what happens.
    func beginChronicle() {
        guard let memory else { return }
        let own = form
        // What a predecessor left stays good until ours is whole.
        chronicle =
            Chronicle(continuingIn: memory.bytes, rules: Worker.rules) { form in write(own, to: &form) }
            ?? Chronicle(beginningIn: memory.bytes, rules: Worker.rules) { form in write(own, to: &form) }
        guard chronicle != nil else { return loseChronicle() }
        noteCrashSafety()
        writtenAt = now
        keepsSpareMemory = true
        releaseSpareMemory()
    }

    /// A state that does not fit is tried again so often: jobs change, and the nonces that were seen in them are forgotten.
    private static let retryPause = Milliseconds.seconds(60)

    /// Once a second: begins again to write down what happens, if the state had not fitted its memory and does now.
    func retryChronicle() {
        guard chronicle == nil, let memory, stopDeadline == nil, !isAbsorbed, now >= retryAt, shard.outbox.isEmpty,
            !isPerforming
        else { return }
        retryAt = now + Worker.retryPause
        // Measured first: an attempt that fails would take all pages of the memory.
        guard formBytes <= Chronicle.formBytesMax(inMemoryOf: memory.bytes.count) else { return }
        beginChronicle()
        if chronicle != nil { log.notice("the state is saved again: miners stay connected if this process crashes") }
    }

    /// The state, or the log of what has happened since it was written, does not fit its memory.
    func loseChronicle() {
        forgetChronicle()
        if let memory { memory.release(0..<memory.bytes.count) }
        retryAt = now + Worker.retryPause
        log.error(
            "the saved state outgrew its memory: miners reconnect if this process crashes; trying again each minute")
        noteCrashSafety()
    }

    /// A state that lags behind is worse than none.
    func forgetChronicle() {
        guard let chronicle = chronicle.take() else { return }
        chronicle.forget()
        noteCrashSafety()
    }

    private func noteCrashSafety() {
        let text = "no memory for a successor, miners reconnect when this process dies"
        Degradation.set("crash safety", chronicle == nil ? text : nil)
    }

    /// What our state takes, written down.
    var formBytes: Int {
        let own = form
        var measure = FormWriter(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        write(own, to: &measure)
        return measure.count
    }

    private func write(_ own: WorkerForm, to form: inout FormWriter) {
        own.encode(to: &form)
        shard.encode(to: &form)
    }

    private var form: WorkerForm {
        var form = WorkerForm(incarnation: UInt64(inheritance.legacy?.incarnation ?? 0))
        form.miners.reserveCapacity(shard.connections)
        for case let miner? in miners {
            let descriptor = miner.descriptor
            let unsent = miner.queuedBytes > 0 ? miner.unsentBytes : withheld[descriptor] ?? []
            form.miners.append(
                WorkerForm.Entry(
                    id: miner.id, connection: WorkerForm.Connection(descriptor: descriptor, unsent: unsent)))
        }
        for (id, link) in pools {
            let unsent = link.unsentBytes + (withheld[link.descriptor] ?? [])
            form.pools.append(
                WorkerForm.Entry(
                    id: id, connection: WorkerForm.Connection(descriptor: link.descriptor, unsent: unsent)))
        }
        form.events = reporter.written()
        form.poolNames = shard.policy.pools.map(\.name)
        form.absorbed = absorbed
        return form
    }
}
