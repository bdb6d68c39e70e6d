internal import Control
internal import HTTPServing
internal import Linux
internal import Synchronization

/// A request whose response takes time.
enum Action: Sendable {
    /// `/1/config` or `/1/history`.
    case read(Resource, query: String)
    /// `/1/config` or a change of the shards.
    case write(Resource, body: [UInt8])
}

/// Runs the requests that take time on threads that may block.
final class Actions: Sendable {
    private let supervisor: any ControlChannel
    private let history: (any HistorySource)?
    private let limits: GatewayLimits
    // Two queues, so that a supervisor that does not answer delays no history, and a slow disk delays no operator.
    private let control: BlockingQueue
    private let disk: BlockingQueue
    private let recent: Mutex<RecentAnswers>

    /// - Parameter history: nil if there is none.
    init(supervisor: any ControlChannel, history: (any HistorySource)?, limits: GatewayLimits) {
        self.supervisor = supervisor
        self.history = history
        self.limits = limits
        control = BlockingQueue(label: "control", waitingMax: limits.waitingRequests)
        disk = BlockingQueue(label: "history", waitingMax: limits.waitingRequests)
        recent = Mutex(RecentAnswers(limits: limits))
    }

    /// Runs the action; its result is delivered to `pending`. Throws if it cannot be started.
    func run(_ action: Action, for pending: PendingResponse) throws(HTTPError) {
        switch action {
        case .read(.history, let query):
            guard let history else { throw HTTPError(.notFound) }
            if let answer = recent.withLock({ $0.answer(to: query, at: MonotonicClock.milliseconds) }) {
                return pending.deliver(.success(answer))
            }
            try disk.run(for: pending, sharing: query) { [self] () throws(HTTPError) in
                let answer = try history.answer(query: query)
                recent.withLock { $0.keep(answer, to: query, at: MonotonicClock.milliseconds) }
                return answer
            }
        case .read(.configuration, query: _):
            try ask(.configuration, for: pending)
        case .write(.configuration, let body):
            guard let document = String(validating: body, as: UTF8.self) else {
                throw HTTPError(.badRequest, message: "The configuration must be UTF-8.")
            }
            try ask(.configure(document: document), for: pending)
        case .write(.change(let change), let body):
            try ask(try change.request(body), for: pending)
        case .read, .write:
            throw HTTPError(.notFound)
        }
    }

    /// Starts no further action; see `BlockingQueue.close`.
    func close() {
        control.close()
        disk.close()
    }

    /// Answers the requests that still wait; see `BlockingQueue.abandon`.
    func abandon() {
        let error = HTTPError(
            .serviceUnavailable, message: "The gateway is stopping. The change may or may not have been made.")
        control.abandon(with: error)
        disk.abandon(with: error)
    }

    private func ask(_ request: ControlRequest, for pending: PendingResponse) throws(HTTPError) {
        let (supervisor, timeout) = (self.supervisor, limits.controlMillis)
        try control.run(for: pending) { () throws(HTTPError) in
            let reply: ControlReply
            do throws(ControlFailure) {
                reply = try supervisor.ask(request, timeoutMilliseconds: timeout)
            } catch {
                throw HTTPError(error)
            }
            return try Answer(reply: reply)
        }
    }
}

extension Answer {
    /// The response for a reply of the supervisor.
    fileprivate init(reply: ControlReply) throws(HTTPError) {
        switch reply {
        case .configuration(let document): self = .document(Array(document.utf8))
        case .done: self = .done
        case .begun: self = .begun
        case .refused(let refusal): throw HTTPError(refusal)
        case .status, .bans: throw HTTPError(.unreadable)
        }
    }
}

extension HTTPError {
    fileprivate init(_ failure: ControlFailure) {
        switch failure {
        case .noService: self.init(.serviceUnavailable, message: "The supervisor does not answer.")
        case .noAnswer, .cutOff, .unreadable:
            self.init(
                .serviceUnavailable,
                message: "The supervisor does not answer. The change may or may not have been made.")
        case .requestTooLong: self.init(.contentTooLarge)
        }
    }

    /// The supervisor refused the request.
    init(_ refusal: ControlRefusal) {
        let kind: HTTPErrorStatus =
            switch refusal.kind {
            case .invalid: .badRequest
            case .unknownShard: .notFound
            case .impossible: .conflict
            }
        self.init(kind, message: refusal.lines.first, lines: refusal.lines)
    }
}
