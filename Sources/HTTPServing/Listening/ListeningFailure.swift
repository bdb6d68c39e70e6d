internal import Glibc

/// The step that failed when a listening socket was opened or the server was started.
package struct ListeningFailure: Error, Equatable, CustomStringConvertible {
    /// `serve`: the socket listens, but libmicrohttpd could not start its threads.
    package enum Step: String, Sendable { case address, socket, bind, listen, serve }

    package var step: Step
    /// An errno.
    package var code: Int32

    /// For example "bind: Address already in use".
    package var description: String { "\(step.rawValue): \(String(cString: strerror(code)))" }
}
