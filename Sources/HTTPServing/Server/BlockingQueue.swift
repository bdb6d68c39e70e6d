internal import Dispatch
internal import Synchronization

/// Runs work that blocks (a request to another process, a disk) on a thread of its own, one piece after the other. The
/// requests wait outside of the server's poll set, so the server's threads never block.
package final class BlockingQueue: Sendable {
    private struct Job {
        var key: String?
        var waiting: [PendingResponse]
    }

    private struct Table {
        var isClosed = false
        /// The jobs that wait, and the one that runs.
        var jobs: [UInt64: Job] = [:]
        /// The jobs that other requests may join, by key.
        var shared: [String: UInt64] = [:]
        var next: UInt64 = 0
        /// The job that runs.
        var current: UInt64?

        mutating func remove(_ number: UInt64) -> [PendingResponse] {
            guard let job = jobs.removeValue(forKey: number) else { return [] }
            if let key = job.key { shared[key] = nil }
            return job.waiting
        }
    }

    private let queue: DispatchQueue
    private let waitingMax: Int
    private let table = Mutex(Table())

    /// - Parameters:
    ///   - label: the name of the thread.
    ///   - waitingMax: jobs at one time, including the one that runs.
    package init(label: String, waitingMax: Int) {
        queue = DispatchQueue(label: label)
        self.waitingMax = waitingMax
    }

    private enum Admission {
        case full, joined
        case begins(UInt64)
    }

    /// Runs `work` and delivers its result to `pending`. Throws 503 if the queue is full or closed.
    /// - Parameter key: a request with the key of a job that waits or runs joins it and gets the same result.
    package func run(
        for pending: PendingResponse, sharing key: String? = nil,
        _ work: @escaping @Sendable () throws(HTTPError) -> Answer
    ) throws(HTTPError) {
        let admission = table.withLock { table -> Admission in
            if table.isClosed { return .full }
            if let key, let number = table.shared[key] {
                table.jobs[number]?.waiting.append(pending)
                return .joined
            }
            guard table.jobs.count < waitingMax else { return .full }
            let number = table.next
            table.next += 1
            table.jobs[number] = Job(key: key, waiting: [pending])
            if let key { table.shared[key] = number }
            return .begins(number)
        }
        switch admission {
        case .full: throw HTTPError(.serviceUnavailable)
        case .joined: return
        case .begins(let number): queue.async { [self] in perform(number, work) }
        }
    }

    private func perform(_ number: UInt64, _ work: () throws(HTTPError) -> Answer) {
        // After `close` its client already has an error.
        let isWanted = table.withLock {
            if !$0.isClosed { $0.current = number }
            return !$0.isClosed
        }
        guard isWanted else { return }
        let result = Result { () throws(HTTPError) in try work() }
        let waiting = table.withLock {
            $0.current = nil
            return $0.remove(number)
        }
        for pending in waiting { pending.deliver(result) }
    }

    /// Accepts no more work, and answers 503 to the requests whose work has not started. The work that runs is still
    /// delivered: a new configuration may be the reason why this process stops.
    package func close() {
        let waiting = table.withLock { table in
            table.isClosed = true
            return table.jobs.filter { $0.key != table.current }.values.flatMap(\.waiting)
        }
        for pending in waiting { pending.deliver(.failure(HTTPError(.serviceUnavailable))) }
    }

    /// After `close`: answers the requests whose work runs with an error. The work continues; its result is discarded.
    package func abandon(with error: HTTPError) {
        let current = table.withLock { table in table.current.flatMap { table.jobs[$0]?.waiting } ?? [] }
        for pending in current { pending.deliver(.failure(error)) }
    }
}
