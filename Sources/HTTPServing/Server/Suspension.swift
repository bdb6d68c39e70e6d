internal import CMicrohttpd
internal import Synchronization

/// Takes a connection out of the server's poll set, and puts it back when any thread calls `wake`.
///
/// libmicrohttpd leaves undefined what happens when a connection is resumed before it is suspended, or resumed twice.
/// So a wake that comes too early is recorded, and the next `suspend` returns at once.
package final class Suspension: @unchecked Sendable {
    // Unchecked, because a pointer is not Sendable. It is used under the lock only, and not after `end`.
    private let connection: OpaquePointer
    private let state = Mutex(State.running)

    private enum State {
        case running
        /// Woken while running: the next `suspend` has no effect.
        case woken
        case suspended
        /// The request has ended, and possibly the connection.
        case ended
    }

    init(connection: OpaquePointer) {
        self.connection = connection
    }

    /// There is something to do for the connection. Any thread, any number of times.
    package func wake() {
        state.withLock {
            switch $0 {
            case .running: $0 = .woken
            case .suspended:
                $0 = .running
                MHD_resume_connection(connection)
            case .woken, .ended: break
            }
        }
    }

    /// Suspends the connection. The server's thread, in a callback of this connection.
    /// - Returns: false if it was woken before: check again.
    func suspend() -> Bool {
        state.withLock {
            switch $0 {
            case .running:
                $0 = .suspended
                MHD_suspend_connection(connection)
                return true
            case .woken:
                $0 = .running
                return false
            case .suspended, .ended: return true
            }
        }
    }

    /// The server's thread: the request has ended.
    func end() { state.withLock { $0 = .ended } }
}
