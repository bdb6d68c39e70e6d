/// Why there is no reply from the supervisor. The outcome of the request is then unknown, except with `noService` and
/// `requestTooLong`: it was not sent.
public enum ControlFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// No supervisor serves this run directory, or this user has no permission: the path of the socket and the system's
    /// error text.
    case noService(path: String, reason: String)
    /// The reply did not arrive in time.
    case noAnswer(afterMilliseconds: Int)
    /// The connection ended before the reply was complete.
    case cutOff
    /// The reply is too long or unknown to this version: the peer is another program or another version.
    case unreadable
    /// The request is longer than `ControlLine.bytesMax`.
    case requestTooLong

    public var description: String {
        switch self {
        case .noService(let path, let reason): "no service answers at \(path): \(reason)"
        case .noAnswer(let milliseconds): "the service did not answer within \(milliseconds) ms"
        case .cutOff: "the service ended the connection without an answer"
        case .unreadable: "the answer of the service cannot be understood; is it of another version?"
        case .requestTooLong: "the request is longer than \(ControlLine.bytesMax / 1024) KiB"
        }
    }
}
