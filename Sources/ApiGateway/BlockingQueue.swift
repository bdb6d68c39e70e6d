internal import Dispatch
internal import Synchronization

/// Answers that take somebody else's time (the supervisor's, a disk's): found one after the other on a thread of
/// their own, while their requests wait outside of the server's poll set. The server's threads never wait.
final class BlockingQueue: Sendable {
    private struct Job {
        var key: String?
        var handovers: [PendingResponse]
    }

    private struct Table {
        var isClosed = false
        /// Those that wait, and the one that is being done.
        var jobs: [UInt64: Job] = [:]
        /// Those of them that others may join.
        var shared: [String: UInt64] = [:]
        var next: UInt64 = 0
        /// The one that is being done.
        var current: UInt64?

        mutating func remove(_ number: UInt64) -> [PendingResponse] {
            guard let job = jobs.removeValue(forKey: number) else { return [] }
            if let key = job.key { shared[key] = nil }
            return job.handovers
        }
    }

    private let queue: DispatchQueue
    private let waitingMax: Int
    private let table = Mutex(Table())

    init(label: String, waitingMax: Int) {
        queue = DispatchQueue(label: label)
        self.waitingMax = waitingMax
    }

    private enum Place {
        case full, joined
        case begins(UInt64)
    }

    /// Has `work` done; its answer goes to `handover`. Throws 503 when too many wait already.
    /// - Parameter key: what the work is about: when the same waits or is being done, its answer serves this one too.
    func run(
        for handover: PendingResponse, sharing key: String? = nil, _ work: @escaping @Sendable () -> Answer
    ) throws(HTTPError) {
        let place = table.withLock { table -> Place in
            if table.isClosed { return .full }
            if let key, let number = table.shared[key] {
                table.jobs[number]?.handovers.append(handover)
                return .joined
            }
            guard table.jobs.count < waitingMax else { return .full }
            let number = table.next
            table.next += 1
            table.jobs[number] = Job(key: key, handovers: [handover])
            if let key { table.shared[key] = number }
            return .begins(number)
        }
        switch place {
        case .full: throw HTTPError(.serviceUnavailable)
        case .joined: return
        case .begins(let number): queue.async { [self] in perform(number, work) }
        }
    }

    private func perform(_ number: UInt64, _ work: () -> Answer) {
        // Nobody waits any more when the process leaves: what has not begun is not done.
        let isWanted = table.withLock {
            if !$0.isClosed { $0.current = number }
            return !$0.isClosed
        }
        guard isWanted else { return }
        let answer = work()
        let handovers = table.withLock {
            $0.current = nil
            return $0.remove(number)
        }
        for handover in handovers { handover.deliver(answer) }
    }

    /// Takes nothing more, and sends all home whose turn has not come. Who waits for what is just being done still hears
    /// of it: a new configuration may be the very reason for which this process is to leave.
    func close() {
        let waiting = table.withLock { table in
            table.isClosed = true
            return table.jobs.filter { $0.key != table.current }.values.flatMap(\.handovers)
        }
        for handover in waiting { handover.deliver(.refusal(.serviceUnavailable)) }
    }

    /// After `close`: waits for nothing. What is just being done goes on, and nobody hears of it.
    func abandon() {
        let current = table.withLock { table in table.current.flatMap { table.jobs[$0]?.handovers } ?? [] }
        let message = "The gateway is stopping. The change may or may not have been made."
        for handover in current { handover.deliver(.refused(HTTPError(.serviceUnavailable, message: message))) }
    }
}
