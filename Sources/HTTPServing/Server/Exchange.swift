/// The state of one request until its response is sent or given up. Used by its connection's thread only.
final class Exchange {
    enum Stage {
        /// The headers are not complete.
        case beginning
        /// The body is read and discarded; then the responder is called.
        case discarding(any RequestResponder, bytes: Int)
        /// The error is known before the body is complete. The body is read and discarded.
        case refusing(HTTPError, bytes: Int)
        /// The body is collected for the responder.
        case collecting(any RequestResponder, [UInt8], bytesMax: Int)
        /// Suspended until the response is delivered.
        case waiting(PendingResponse)
        case answered
    }

    /// The path and the query, as received.
    let target: String
    var stage = Stage.beginning
    /// Bytes that it has reserved of `HTTPLimits.collectedBytes`.
    var reservedBytes = 0
    /// The stream that is its response.
    var stream: StreamingAnswer?

    init(target: String) {
        self.target = target
    }

    /// The response is there: the connection is not suspended again.
    func finishWaiting() {
        if case .waiting(let pending) = stage { pending.end() }
        stage = .answered
    }

    /// What follows the `?`; empty if there is none.
    var query: String { String(target.drop { $0 != "?" }.dropFirst()) }
}
