internal import Control
internal import Synchronization

/// What takes somebody else's time.
enum Action: Sendable {
    /// `/1/config` or `/1/history`.
    case read(Resource, query: String)
    /// `/1/config` or a change of the shards.
    case write(Resource, body: [UInt8])
}

/// The way to the supervisor: `ControlClient`, or a test.
protocol ControlChannel: Sendable {
    /// Blocks for at most so long.
    func ask(_ request: ControlRequest, timeoutMilliseconds: Int) throws(ControlFailure) -> ControlReply
}

extension ControlClient: ControlChannel {}

/// Where the curves of the past come from. Called on a thread that may block, one question after the other.
protocol HistorySource: Sendable {
    /// - Parameter query: what stands after the `?`, as it came.
    func answer(query: String) throws(HTTPError) -> Answer
}

/// Sends requests that take time to those who can answer them.
final class Actions: Sendable {
    private let supervisor: any ControlChannel
    private let history: (any HistorySource)?
    private let limits: GatewayLimits
    // Two queues: a supervisor that does not answer shall not hold up the curves, nor a slow disk the operator.
    private let control: BlockingQueue
    private let disk: BlockingQueue
    private let recent: Mutex<RecentAnswers>

    /// - Parameter history: nil where there is none.
    init(supervisor: any ControlChannel, history: (any HistorySource)?, limits: GatewayLimits) {
        self.supervisor = supervisor
        self.history = history
        self.limits = limits
        control = BlockingQueue(label: "control", waitingMax: limits.errands)
        disk = BlockingQueue(label: "history", waitingMax: limits.errands)
        recent = Mutex(RecentAnswers(limits: limits))
    }

    func run(_ action: Action, for handover: PendingResponse) throws(HTTPError) {
        switch action {
        case .read(.history, let query):
            guard let history else { throw HTTPError(.notFound) }
            if let answer = recent.withLock({ $0.answer(to: query, at: Clock.monotonicMillis) }) {
                return handover.deliver(answer)
            }
            try disk.run(for: handover, sharing: query) { [self] in
                do throws(HTTPError) {
                    let answer = try history.answer(query: query)
                    recent.withLock { $0.keep(answer, to: query, at: Clock.monotonicMillis) }
                    return answer
                } catch {
                    return .refused(error)
                }
            }
        case .read(.configuration, query: _):
            try ask(.configuration, for: handover)
        case .write(.configuration, let body):
            guard let document = String(validating: body, as: UTF8.self) else {
                throw HTTPError(.badRequest, message: "The configuration must be UTF-8.")
            }
            try ask(.configure(document: document), for: handover)
        case .write(.change(let change), let body):
            try ask(try change.request(body), for: handover)
        case .read, .write:
            throw HTTPError(.notFound)
        }
    }

    /// Nothing is begun any more; see `BlockingQueue.close`.
    func close() {
        control.close()
        disk.close()
    }

    /// Nobody waits any more.
    func abandon() {
        control.abandon()
        disk.abandon()
    }

    private func ask(_ request: ControlRequest, for handover: PendingResponse) throws(HTTPError) {
        let (supervisor, timeout) = (self.supervisor, limits.controlMillis)
        try control.run(for: handover) {
            do throws(ControlFailure) {
                return Answer(reply: try supervisor.ask(request, timeoutMilliseconds: timeout))
            } catch {
                return .refused(HTTPError(error))
            }
        }
    }
}

extension Answer {
    /// The supervisor's word as an answer.
    fileprivate init(reply: ControlReply) {
        switch reply {
        case .configuration(let document): self = .document(Array(document.utf8))
        case .done: self = .done
        case .begun: self = .begun
        case .refused(let refusal): self = .refused(HTTPError(refusal))
        case .status, .bans: self = .refused(HTTPError(.unreadable))
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

    /// The supervisor's no.
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
