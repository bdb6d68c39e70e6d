internal import Dispatch
internal import Synchronization

/// Answers that take somebody else's time (the supervisor's, a disk's): found one after the other on a thread of
/// their own, while their requests wait outside of the server's poll set. The server's threads never wait.
final class Errands: Sendable {
    private struct Table {
        var isClosed = false
        var waiting: [ObjectIdentifier: Handover] = [:]
        /// The one of them whose work is being done.
        var current: ObjectIdentifier?
    }

    private let queue: DispatchQueue
    private let waitingMax: Int
    private let table = Mutex(Table())

    init(label: String, waitingMax: Int) {
        queue = DispatchQueue(label: label)
        self.waitingMax = waitingMax
    }

    /// Has `work` done; its answer goes to `handover`. Throws 503 when too many wait already.
    func run(for handover: Handover, _ work: @escaping @Sendable () -> Answer) throws(Refused) {
        let isTaken = table.withLock {
            guard !$0.isClosed, $0.waiting.count < waitingMax else { return false }
            $0.waiting[ObjectIdentifier(handover)] = handover
            return true
        }
        guard isTaken else { throw Refused(.serviceUnavailable) }
        queue.async { [self] in
            // Nobody waits any more when the process leaves: what has not begun is not done.
            let isWanted = table.withLock {
                if !$0.isClosed { $0.current = ObjectIdentifier(handover) }
                return !$0.isClosed
            }
            guard isWanted else { return }
            handover.deliver(work())
            table.withLock {
                $0.waiting.removeValue(forKey: ObjectIdentifier(handover))
                $0.current = nil
            }
        }
    }

    /// Takes nothing more, and sends all home whose turn has not come. Who waits for what is just being done still hears
    /// of it: a new configuration may be the very reason for which this process is to leave.
    func close() {
        let waiting = table.withLock { table in
            table.isClosed = true
            return table.waiting.filter { $0.key != table.current }.values
        }
        for handover in waiting { handover.deliver(.refusal(.serviceUnavailable)) }
    }

    /// After `close`: waits for nothing. What is just being done goes on, and nobody hears of it.
    func abandon() {
        let current = table.withLock { table in table.current.flatMap { table.waiting[$0] } }
        let message = "The process that would pass on the answer leaves. Whether anything was changed is not known."
        current?.deliver(.refused(Refused(.serviceUnavailable, message: message)))
    }
}
