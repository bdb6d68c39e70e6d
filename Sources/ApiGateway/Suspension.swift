internal import CMicrohttpd
internal import Synchronization

/// Takes one connection out of the server's poll set for a while, and puts it back when any thread says so.
///
/// libmicrohttpd says nothing about a connection that is resumed before it is suspended, or twice: both would be
/// undefined. So whoever wakes too early leaves a note, and whoever would sleep sees it.
final class Suspension: @unchecked Sendable {
    // Unchecked, because a pointer is not Sendable. It is used under the lock only, and not after `end`.
    private let connection: OpaquePointer
    private let state = Mutex(State.running)

    private enum State {
        case running
        /// Woken while it was not asleep: the next `suspend` does not happen.
        case woken
        case suspended
        /// The request is over, and perhaps the connection too.
        case over
    }

    init(connection: OpaquePointer) {
        self.connection = connection
    }

    /// Any thread, any number of times: there is something to do for the connection.
    func wake() {
        state.withLock {
            switch $0 {
            case .running: $0 = .woken
            case .suspended:
                $0 = .running
                MHD_resume_connection(connection)
            case .woken, .over: break
            }
        }
    }

    /// The server's thread, in a callback of this connection. False when it was woken meanwhile: look again.
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
            case .suspended, .over: return true
            }
        }
    }

    /// The server's thread: the request is over.
    func end() { state.withLock { $0 = .over } }
}
