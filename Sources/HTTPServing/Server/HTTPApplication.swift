/// What a server serves: decides which responder answers a request.
///
/// The server calls it on its own threads. No function may block: work that takes time goes through a `BlockingQueue`
/// and a `PendingResponse`.
package protocol HTTPApplication: Sendable {
    /// Whether pages of other origins may read the responses (CORS).
    var opensToOtherOrigins: Bool { get }
    /// Chooses the responder by the head of a request, before its body arrives. Throws the error that the client gets.
    func route(_ head: RequestHead) throws(HTTPError) -> any RequestResponder
    /// The response for an error. It must have the status of the error.
    func answer(to error: HTTPError) -> Answer
    /// The server is stopping. Work that has not started is cancelled; work that runs is finished.
    func startDraining()
    /// The server stops now. Requests that still wait get an error.
    func abandonWaiting()
}
