/// What a responder returns.
package enum Reply {
    /// A response that was made before, for all clients.
    case prepared(HTTPResponse)
    /// A response for this client only.
    case answer(Answer)
    /// A body with an entity tag: 304 if the client has it.
    case representation(Representation)
    /// The response comes later; the request leaves the poll set until then. From `Request.pendingResponse`.
    case pending(PendingResponse)
    /// A stream of server-sent events.
    case stream(any EventStreamSource)
}
