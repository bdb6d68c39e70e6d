/// Where a server gets its streams of server-sent events from.
///
/// A stream is a response without an end. The server pulls: it calls `EventStream.read` whenever the client's socket
/// accepts more bytes. A stream that has nothing to send says so; the server then suspends the connection until
/// `Suspension.wake` is called. A slow client delays no other client: its stream is read more rarely, and the source
/// decides what it misses.
///
/// The server ensures:
/// - there are at most `HTTPLimits.streams` streams;
/// - a stream that was silent for `HTTPLimits.heartbeatMillis` is asked for a heartbeat, because a closed connection is
///   only noticed by writing to it;
/// - a stream that was not read for `HTTPLimits.answerMillis` is closed, because its client reads nothing;
/// - `read` is not called after the server has stopped; the client sees the end of the stream.
package protocol EventStreamSource: Sendable {
    /// Opens a stream for a client. Called on a thread of the server: must not block.
    ///
    /// Throws the error that the client gets, such as 400 with what was expected of a parameter.
    /// - Parameter suspension: keep it, and call `wake` when the stream has something to read.
    func open(_ request: EventStreamRequest, suspension: Suspension) throws(HTTPError) -> any EventStream
}
