internal import Dispatch
internal import Synchronization

/// Answers that take somebody else's time (the supervisor's, a disk's): found one after the other on a thread of
/// their own, while their requests wait outside of the server's poll set. The server's threads never wait.
final class Errands: Sendable {
    private struct Table {
        var isClosed = false
        var waiting: [ObjectIdentifier: Handover] = [:]
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
            guard table.withLock({ !$0.isClosed }) else { return }
            handover.deliver(work())
            _ = table.withLock { $0.waiting.removeValue(forKey: ObjectIdentifier(handover)) }
        }
    }

    /// Sends all home who wait, and takes nothing more. What is just being done goes on, and nobody hears of it.
    func close() {
        let waiting = table.withLock {
            $0.isClosed = true
            return Array($0.waiting.values)
        }
        for handover in waiting { handover.deliver(.refusal(.serviceUnavailable)) }
    }
}
