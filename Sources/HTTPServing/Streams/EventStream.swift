/// The stream of one client. `read` is called by one thread at a time, `requestHeartbeat` by any.
package protocol EventStream: AnyObject, Sendable {
    /// Writes the next bytes into `buffer`, which has at least some hundred bytes. An event may be split anywhere. Must
    /// not block.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> EventStreamPiece
    /// The client has received nothing for a while: the next `read` must return bytes without a meaning, such as the
    /// comment `:\n\n`. The server wakes the stream afterwards. May be called again before that `read`, and once after
    /// `closed`.
    func requestHeartbeat()
    /// The client has disconnected, or the server stops. `read` is not called again, and `wake` has no effect.
    func closed()
}

/// The result of `EventStream.read`.
package enum EventStreamPiece: Equatable, Sendable {
    /// This many bytes were written into the buffer; at least one.
    case bytes(Int)
    /// Nothing to send. A `wake` that comes before the server has handled this is not lost.
    case nothingYet
    /// The stream has ended. The client may connect again.
    case end
}
