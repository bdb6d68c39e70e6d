/// A response as a value: status, headers and body.
package struct Answer: Equatable, Sendable {
    package struct Header: Equatable, Sendable {
        package var name: String
        package var value: String
    }

    package enum ContentType: String, Sendable {
        case json = "application/json"
        /// Prometheus's text format.
        case metrics = "text/plain; version=0.0.4; charset=utf-8"
        case eventStream = "text/event-stream"
    }

    package var status: UInt32
    package var headers: [Header]
    package var body: [UInt8]
    /// Whether pages of other origins may read it. Not in `headers`, because the configuration decides it for all
    /// responses.
    package var opensToOtherOrigins = false

    private init(status: UInt32, type: ContentType? = .json, headers: [Header] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = Answer.commonHeaders(type) + headers
        self.body = body
    }

    /// A document. Clients may keep it, and must ask each time whether it has changed (`Cache-Control: no-cache`).
    package static func document(_ body: [UInt8], type: ContentType = .json, status: UInt32 = 200) -> Answer {
        Answer(status: status, type: type, headers: [noCache], body: body)
    }

    /// 200 without a validator, for small bodies that never change.
    package static func fixed(_ body: [UInt8]) -> Answer { Answer(status: 200, body: body) }

    /// The response to a browser's preflight request.
    package static let preflight = Answer(status: 200)

    /// 204: done, and there is no document.
    package static let done = Answer(status: 204, type: nil)

    /// 202: started; other documents show the progress.
    package static let begun = Answer(status: 202, type: nil)

    /// The head of an event stream.
    package static let eventStream = Answer(
        status: 200, type: .eventStream,
        headers: [noCache, Header(name: "X-Accel-Buffering", value: "no")])  // nginx would buffer the events

    /// An error with its status, the headers that the status requires, and a JSON body.
    package static func error(_ error: HTTPError, body: [UInt8]) -> Answer {
        Answer(status: error.status.rawValue, headers: error.headers, body: body)
    }

    /// 304 in place of this response: the client has the body.
    func notModified(tag: EntityTag) -> Answer {
        var answer = Answer(status: 304, type: nil, headers: [Answer.noCache])
        answer.opensToOtherOrigins = opensToOtherOrigins
        answer.addTag(tag)
        return answer
    }

    /// Adds the entity tag, and the request header that the body depends on.
    mutating func addTag(_ tag: EntityTag) {
        headers.append(Header(name: "ETag", value: tag.text))
        headers.append(Header(name: "Vary", value: "Accept-Encoding"))
    }

    private static let noCache = Header(name: "Cache-Control", value: "no-cache")

    /// All headers that are sent.
    package var sentHeaders: [Header] { headers + (opensToOtherOrigins ? Answer.crossOriginHeaders : []) }

    /// The same response with or without the CORS headers.
    package func opened(toOtherOrigins isOpen: Bool) -> Answer {
        var answer = self
        answer.opensToOtherOrigins = isOpen
        return answer
    }

    /// The CORS headers of xmrig-proxy 6.x, a superset of those of 2.4 (docs/COMPATIBILITY.md, "API of 2.4" and "API of
    /// 6.x").
    private static let crossOriginHeaders = [
        Header(name: "Access-Control-Allow-Origin", value: "*"),
        Header(name: "Access-Control-Allow-Methods", value: "GET, PUT, POST, DELETE"),
        Header(name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type"),
    ]

    private static func commonHeaders(_ type: ContentType?) -> [Header] {
        (type.map { [Header(name: "Content-Type", value: $0.rawValue)] } ?? []) + [
            // Bodies contain texts that strangers choose: a browser must not guess that one is a page.
            Header(name: "X-Content-Type-Options", value: "nosniff")
        ]
    }
}
