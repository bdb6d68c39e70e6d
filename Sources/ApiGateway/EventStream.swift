/// The seam between the server and whoever has events to stream (`GET /1/events`).
///
/// A stream is an answer without an end. The server pulls: it calls `EventStream.read` whenever the client's socket
/// takes more bytes. A stream that has nothing just now says so; the server then takes the connection out of its poll
/// set, where it costs nothing, until somebody calls `wake` on the stream's `Suspension`. So a slow client never makes
/// anybody wait: its stream is pulled more rarely, and the source decides what it misses.
///
/// What the server sees to, so that the source need not:
/// - at most `GatewayLimits.streams` at a time; `http.restricted`, token and method are checked before `open`;
/// - a stream that has been silent for `GatewayLimits.heartbeatMillis` is asked for a heartbeat (a client that is gone
///   is only noticed by writing to it);
/// - a stream that was not pulled for `GatewayLimits.answerMillis` is cut: its client takes nothing; one that is read
///   lives as long as it likes;
/// - when the process leaves, `read` is not called again, and the client sees the end.
protocol EventStreamSource: Sendable {
    /// A client asks for the stream.
    ///
    /// Called on a thread of the server: must not block. Throws what the client is told instead, such as 400 with what
    /// was expected of a parameter.
    /// - Parameter suspension: the new stream's; keep it to `wake` the stream when there is something to read.
    func open(_ request: EventStreamRequest, suspension: Suspension) throws(HTTPError) -> any EventStream
}

/// What the client has said.
struct EventStreamRequest: Equatable, Sendable {
    /// The header `Last-Event-ID`, as it came; nil when there is none.
    var lastEventID: String?
    /// What stands after the `?`, as it came; empty when there is none.
    var query = ""
}

/// One client's stream. `read` is called by one thread at a time, `askForHeartbeat` by any.
protocol EventStream: AnyObject, Sendable {
    /// Puts the next bytes into `buffer`, which is never empty: some hundred bytes at least, a few KiB mostly. An event
    /// may be cut anywhere; the rest goes first the next time. Must not block.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> EventStreamPiece
    /// The client has heard nothing for a while: the next `read` must return something that means nothing, such as the
    /// comment `:\n\n`. The server wakes the stream afterwards. May come again before that `read`, and once after
    /// `closed`.
    func askForHeartbeat()
    /// The client is gone, or the server leaves. `read` is not called again; `wake` on the suspension does nothing.
    func closed()
}

/// What `EventStream.read` found.
enum EventStreamPiece: Equatable, Sendable {
    /// So many bytes were put into the buffer: at least one.
    case bytes(Int)
    /// Nothing now. `wake` also counts when it comes before the server has heard this.
    case nothingYet
    /// The stream is over; the client may come again.
    case end
}
