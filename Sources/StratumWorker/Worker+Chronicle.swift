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
    /// A log of this length is replaced by a new form: replaying it takes a successor some tens of milliseconds, and
    /// writing the form of 5,000 miners takes us two.
    private static let logBytesMax = 4 * 1024 * 1024

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
        let bytes = Loop.readBytesMax + Loop.readPadding
        guard let room = chronicle?.log.begin(input, at: readAt, room: bytes) else {
            // What is read elsewhere would be missing in it.
            forgetChronicle()
            return nil
        }
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(Loop.readBytesMax))
    }

    private var hasRoomToRead: Bool {
        (chronicle?.log.room ?? 0) > 2 * (Loop.readBytesMax + Loop.readPadding)
    }

    func renewChronicleIfLong() {
        if let count = chronicle?.log.count, count > Worker.logBytesMax { renewChronicle() }
    }

    /// Writes the whole state anew, so that the log before is not needed any more.
    func renewChronicle() {
        // In the middle of performing, decisions would be in neither.
        guard chronicle != nil, shard.outbox.isEmpty, !isPerforming else { return }
        let own = form
        guard chronicle?.renew({ form in write(own, to: &form) }) == true else { return forgetChronicle() }
        if let idle = chronicle?.idlePart { memory?.release(idle) }
    }

    /// Begins to write down what happens.
    func beginChronicle() {
        guard let memory else { return }
        let own = form
        // What a predecessor left stays good until ours is whole.
        chronicle =
            Chronicle(continuingIn: memory.bytes, rules: Worker.rules) { form in write(own, to: &form) }
            ?? Chronicle(beginningIn: memory.bytes, rules: Worker.rules) { form in write(own, to: &form) }
        if chronicle == nil { log.warning("no memory for a successor: miners reconnect when this process dies") }
        if let idle = chronicle?.idlePart { memory.release(idle) }
    }

    /// A state that lags behind is worse than none.
    func forgetChronicle() {
        guard let chronicle = chronicle.take() else { return }
        chronicle.forget()
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
        for case let connection? in miners {
            form.miners[connection.id] = WorkerForm.Connection(
                descriptor: connection.descriptor,
                unsent: connection.queuedBytes > 0
                    ? connection.unsentBytes : withheld[connection.descriptor] ?? [])
        }
        for (id, link) in pools {
            form.pools[id] = WorkerForm.Connection(
                descriptor: link.descriptor, unsent: link.unsentBytes + (withheld[link.descriptor] ?? []))
        }
        form.events = reporter.written()
        form.poolNames = shard.policy.pools.map(\.name)
        form.absorbed = absorbed
        return form
    }
}
