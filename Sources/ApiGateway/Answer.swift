/// An answer as a value: what is the same for all clients is made once and sent many times.
struct Answer: Equatable, Sendable {
    struct Header: Equatable, Sendable {
        var name: String
        var value: String
    }

    enum ContentType: String, Sendable {
        case json = "application/json"
        /// The text format that Prometheus reads.
        case metrics = "text/plain; version=0.0.4; charset=utf-8"
        case eventStream = "text/event-stream"
    }

    var status: UInt32
    var headers: [Header]
    var body: [UInt8]
    /// Whether pages of other origins may read it. Not part of `headers`: the configuration decides it for all answers.
    var opensToOtherOrigins = false

    private init(status: UInt32, type: ContentType? = .json, headers: [Header] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = Answer.commonHeaders(type) + headers
        self.body = body
    }

    /// A document; clients may keep it, and must ask each time whether it is still the same.
    static func document(_ body: [UInt8], type: ContentType = .json, status: UInt32 = 200) -> Answer {
        Answer(status: status, type: type, headers: [noCache], body: body)
    }

    static let preflight = Answer(status: 200)

    static let health = Answer(status: 200, body: Array(#"{"status": "ok"}"#.utf8))

    /// What was asked for is done, and there is nothing to say about it.
    static let done = Answer(status: 204, type: nil)

    /// What was asked for goes on; other documents tell how.
    static let begun = Answer(status: 202, type: nil)

    /// The head of a stream of events.
    static let eventStream = Answer(
        status: 200, type: .eventStream,
        headers: [noCache, Header(name: "X-Accel-Buffering", value: "no")])  // nginx would hold events back

    static func refusal(_ refusal: HTTPErrorStatus) -> Answer { .refused(HTTPError(refusal)) }

    static func refused(_ refused: HTTPError) -> Answer {
        let refusal = refused.status
        // In one line, as xmrig-proxy has it.
        var body = Array(#"{"status": \#(refusal.rawValue), "error": "\#(refusal.name)""#.utf8)
        if let message = refused.message {
            body += Array(#", "message": "#.utf8)
            message.append(to: &body)
        }
        if !refused.lines.isEmpty {
            body += Array(#", "lines": ["#.utf8)
            for (index, line) in refused.lines.enumerated() {
                if index > 0 { body += Array(", ".utf8) }
                line.append(to: &body)
            }
            body.append(UInt8(ascii: "]"))
        }
        body.append(UInt8(ascii: "}"))
        let headers: [Header] =
            switch refusal {
            case .unauthorized: [Header(name: "WWW-Authenticate", value: "Bearer")]
            case .methodNotAllowed: [Header(name: "Allow", value: refused.allowedMethods ?? Resource.readingMethods)]
            // After that another attempt is earned (`TokenGuesses`).
            case .tooManyRequests: [Header(name: "Retry-After", value: "2")]
            // In seconds: the oldest of the answers that are in the way is given up within a minute, most far sooner.
            case .serviceUnavailable: [Header(name: "Retry-After", value: "5")]
            case .badRequest, .forbidden, .notFound, .conflict, .contentTooLarge, .targetTooLong,
                .unsupportedMediaType, .headersTooLarge:
                []
            }
        return Answer(status: refusal.rawValue, headers: headers, body: body)
    }

    /// The same document in few words: the client has it already.
    func notModified(tag: EntityTag) -> Answer {
        var answer = Answer(status: 304, type: nil, headers: [Answer.noCache])
        answer.opensToOtherOrigins = opensToOtherOrigins
        answer.tag(tag)
        return answer
    }

    /// Says which content this is, and on which header of the request that depends.
    mutating func tag(_ tag: EntityTag) {
        headers.append(Header(name: "ETag", value: tag.text))
        headers.append(Header(name: "Vary", value: "Accept-Encoding"))
    }

    private static let noCache = Header(name: "Cache-Control", value: "no-cache")

    /// All headers that are sent.
    var sentHeaders: [Header] { headers + (opensToOtherOrigins ? Answer.crossOriginHeaders : []) }

    func opened(toOtherOrigins isOpen: Bool) -> Answer {
        var answer = self
        answer.opensToOtherOrigins = isOpen
        return answer
    }

    /// Those of xmrig-proxy 6.x, a superset of the ones of 2.4: pages that anybody hosts may show this API
    /// (docs/COMPATIBILITY.md, "API of 2.4" and "API of 6.x").
    private static let crossOriginHeaders = [
        Header(name: "Access-Control-Allow-Origin", value: "*"),
        Header(name: "Access-Control-Allow-Methods", value: "GET, PUT, POST, DELETE"),
        Header(name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type"),
    ]

    private static func commonHeaders(_ type: ContentType?) -> [Header] {
        (type.map { [Header(name: "Content-Type", value: $0.rawValue)] } ?? []) + [
            // Names of workers are chosen by strangers: a browser must never take a document for a page.
            Header(name: "X-Content-Type-Options", value: "nosniff")
        ]
    }
}
