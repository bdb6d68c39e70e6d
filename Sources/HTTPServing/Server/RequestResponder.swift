/// Answers one request.
package protocol RequestResponder: Sendable {
    /// The longest body, in bytes, that is collected for `respond`; longer ones get 413. nil: the body is discarded, up
    /// to `HTTPLimits.requestBodyBytes`.
    var bodyBytesMax: Int? { get }
    /// Called once, when the body is complete. Throws the error that the client gets.
    func respond(to request: Request) throws(HTTPError) -> Reply
}
