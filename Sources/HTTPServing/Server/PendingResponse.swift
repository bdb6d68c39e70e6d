internal import Synchronization

/// The response to a request that waits: any thread delivers it, the server's thread sends it.
package final class PendingResponse: Sendable {
    private let suspension: Suspension
    private let result = Mutex<Result<Answer, HTTPError>?>(nil)

    init(connection: OpaquePointer) {
        suspension = Suspension(connection: connection)
    }

    /// Delivers the response. Any thread; calls after the first have no effect.
    package func deliver(_ result: Result<Answer, HTTPError>) {
        self.result.withLock { if $0 == nil { $0 = result } }
        suspension.wake()
    }

    /// The server's thread: the response if it was delivered. Otherwise suspends the connection and returns nil.
    func resultOrSuspend() -> Result<Answer, HTTPError>? {
        while true {
            if let result = result.withLock({ $0 }) { return result }
            if suspension.suspend() { return nil }
        }
    }

    /// The server's thread: the request has ended.
    func end() { suspension.end() }
}
