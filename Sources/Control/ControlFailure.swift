/// Why there is no reply of the supervisor. Nothing is known then about what became of the request, except with
/// `noService` and `requestTooLong`: it was never made.
public enum ControlFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nobody serves this run directory, or we may not ask: the path of the socket, and the system's words.
    case noService(path: String, reason: String)
    /// The reply has not come in time.
    case noAnswer(afterMilliseconds: Int)
    /// The connection ended before the reply was whole.
    case cutOff
    /// The reply is longer than any, or nothing that this version knows: the supervisor is another program, or version.
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
