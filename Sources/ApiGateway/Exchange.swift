internal import CMicrohttpd
internal import Synchronization

/// One request, from its first line until its answer is taken or given up. Used by its connection's thread only.
final class Exchange {
    enum Stage {
        /// The headers are not there yet.
        case beginning
        /// The body is read and thrown away; then the request is answered.
        case discarding(Router.Route, bytes: Int)
        /// The answer is decided before the body is there, which is thrown away.
        case refusing(HTTPError, bytes: Int)
        /// The body is what it is about.
        case collecting(Resource, [UInt8], bytesMax: Int)
        /// Out of the server's poll set until the answer is there.
        case waiting(PendingResponse)
        case answered
    }

    /// The path and the query, as the client wrote them.
    let target: String
    var stage = Stage.beginning
    /// What it was given of `GatewayLimits.collectedBytes`.
    var reservedBytes = 0
    /// The stream that is its answer.
    var stream: StreamingAnswer?

    init(target: String) {
        self.target = target
    }

    /// The answer is there: the connection does not sleep any more.
    func finishWaiting() {
        if case .waiting(let handover) = stage { handover.end() }
        stage = .answered
    }

    /// What stands after the `?`; empty when nothing does.
    var query: String { String(target.drop { $0 != "?" }.dropFirst()) }
}

/// Where the answer to a request that waits is left by whoever has it.
final class PendingResponse: Sendable {
    private let suspension: Suspension
    private let answer = Mutex<Answer?>(nil)

    init(connection: OpaquePointer) {
        suspension = Suspension(connection: connection)
    }

    /// Any thread. The first answer counts.
    func deliver(_ answer: Answer) {
        self.answer.withLock { if $0 == nil { $0 = answer } }
        suspension.wake()
    }

    /// The server's thread: the answer, or nil when the connection was put to sleep until there is one.
    func takeOrSuspend() -> Answer? {
        while true {
            if let answer = answer.withLock({ $0 }) { return answer }
            if suspension.suspend() { return nil }
        }
    }

    /// The server's thread: the request is over.
    func end() { suspension.end() }
}
