/// An answer as a value: what is the same for all clients is made once and sent many times.
struct Answer: Equatable, Sendable {
    struct Header: Equatable, Sendable {
        var name: String
        var value: String
    }

    var status: UInt32
    var headers: [Header]
    var body: [UInt8]

    private init(status: UInt32, headers: [Header] = [], body: [UInt8]) {
        self.status = status
        self.headers = Answer.commonHeaders + headers
        self.body = body
    }

    static func document(_ body: [UInt8]) -> Answer { Answer(status: 200, body: body) }

    static let preflight = Answer(status: 200, body: [])

    static let health = Answer(status: 200, body: Array(#"{"status": "ok"}"#.utf8))

    static func refusal(_ refusal: Refusal) -> Answer {
        let body = Array(#"{"status": \#(refusal.rawValue), "error": "\#(refusal.name)"}"#.utf8)
        let headers: [Header] =
            switch refusal {
            case .unauthorized: [Header(name: "WWW-Authenticate", value: "Bearer")]
            case .methodNotAllowed: [Header(name: "Allow", value: Router.allowedMethods)]
            // In seconds: the oldest of the answers that are in the way is given up within a minute, most far sooner.
            case .serviceUnavailable: [Header(name: "Retry-After", value: "5")]
            case .forbidden, .notFound, .contentTooLarge: []
            }
        return Answer(status: refusal.rawValue, headers: headers, body: body)
    }

    /// The cross-origin headers are those of xmrig-proxy 6.x, a superset of the ones of 2.4: pages that anybody hosts
    /// may show this API (behaviour.md §14, §16).
    private static let commonHeaders = [
        Header(name: "Content-Type", value: "application/json"),
        Header(name: "Access-Control-Allow-Origin", value: "*"),
        Header(name: "Access-Control-Allow-Methods", value: "GET, PUT, POST, DELETE"),
        Header(name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type"),
        // Names of workers are chosen by strangers: a browser must never take a document for a page.
        Header(name: "X-Content-Type-Options", value: "nosniff"),
    ]
}
