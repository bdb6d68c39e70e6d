/// The request for a stream.
package struct EventStreamRequest: Equatable, Sendable {
    /// The header `Last-Event-ID`, as received; nil if absent.
    package var lastEventID: String?
    /// What follows the `?`, as received; empty if there is none.
    package var query = ""
}
