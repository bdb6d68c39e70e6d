/// The parameters of `/1/events`: `?types=share,joined&worker=NAME&last-event-id=ID`.
package struct EventQuery: Equatable, Sendable {
    package var filter: EventFilter
    /// The last event that the client has received; nil = it gets the events from now on.
    package var lastID: EventID?
    /// The client sent an id that is not one of this gateway, for example of another program at the same address. An
    /// error would end an `EventSource` for good, so the client gets a gap.
    package var isLost = false

    init(filter: EventFilter, lastID: EventID?) {
        self.filter = filter
        self.lastID = lastID
    }

    /// The form of `types` as a regular expression, for the OpenAPI document.
    static var typesPattern: String {
        let names = FeedEvent.Kind.allCases.map { "\($0.name)" }.joined(separator: "|")
        return "^(\(names))(,(\(names)))*$"
    }

    /// - Parameters:
    ///   - query: what follows the `?`, as received. Parameters with other names are ignored.
    ///   - lastEventID: the header, which browsers send when they reconnect. It is newer than the parameter.
    package init(parsing query: String, lastEventID: String?) throws(QueryFault) {
        let parameters = try QueryParameters(parsing: query)
        var kinds = FeedEvent.Kind.allCases
        if let names = try parameters.text("types") {
            kinds = []
            for name in names.split(separator: ",", omittingEmptySubsequences: false) {
                guard let kind = FeedEvent.Kind(name: name) else {
                    let names = FeedEvent.Kind.allCases.map { "\($0.name)" }.joined(separator: ", ")
                    throw QueryFault(parameter: "types", expectation: "a comma-separated list of: \(names)")
                }
                kinds.append(kind)
            }
        }
        filter = EventFilter(kinds: kinds, worker: try parameters.text("worker"))
        let parameter = try parameters.text("last-event-id")
        let text = lastEventID ?? parameter
        // Browsers that have received no event send an empty one.
        guard let text, !text.isEmpty else { return }
        lastID = EventID(text)
        isLost = lastID == nil
    }
}
