internal import Configuration

/// A document of the API. What it shows depends on the snapshot only, so one body serves all who ask.
enum Page: Int, CaseIterable, Sendable {
    /// `/`
    case classicSummary
    /// `/workers.json`
    case classicWorkers
    /// `/1/summary`, `/2/summary`, `/api.json`
    case summary
    /// `/1/workers`
    case workers

    /// Whether the document ages without a new snapshot: it shows the uptime or readings of the machine.
    var showsClock: Bool {
        switch self {
        case .classicSummary, .summary: true
        case .classicWorkers, .workers: false
        }
    }

    /// An exact match of the path: no trailing slash, no percent-encoding, no query (it has been cut off before).
    init?(path: String) {
        switch path {
        case "/": self = .classicSummary
        case "/workers.json": self = .classicWorkers
        case "/1/summary", "/2/summary", "/api.json": self = .summary
        case "/1/workers": self = .workers
        default: return nil
        }
    }
}

/// Why a request is not answered with what it asked for.
enum Refusal: UInt32, CaseIterable, Sendable, Error {
    case unauthorized = 401
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case contentTooLarge = 413
    case serviceUnavailable = 503

    /// As xmrig-proxy spells them.
    var name: String {
        switch self {
        case .unauthorized: "UNAUTHORIZED"
        case .forbidden: "FORBIDDEN"
        case .notFound: "NOT_FOUND"
        case .methodNotAllowed: "METHOD_NOT_ALLOWED"
        case .contentTooLarge: "CONTENT_TOO_LARGE"
        case .serviceUnavailable: "SERVICE_UNAVAILABLE"
        }
    }
}

/// Decides what a request gets, from nothing but its first line and its token.
struct Router: Sendable {
    enum Route: Equatable, Sendable {
        case page(Page)
        /// 200 without a body: what a browser's preflight wants.
        case preflight
        /// The process serves: for the health checks of containers.
        case health
        case refusal(Refusal)
    }

    /// Methods that a document allows, as the header `Allow` wants them.
    static let allowedMethods = "GET, HEAD, OPTIONS"

    /// nil when everybody may read.
    let token: AccessToken?

    init(api: Settings.API) {
        token = api.accessToken.flatMap(AccessToken.init)
    }

    /// - Parameter authorization: the bytes of the header `Authorization`; nil when there is none.
    func route(method: String, path: String, authorization: UnsafeRawBufferPointer?) -> Route {
        switch method {
        case "OPTIONS": return .preflight
        case "GET", "HEAD", "POST", "PUT", "DELETE": break
        default: return .refusal(.methodNotAllowed)
        }
        // Browsers ask for it by themselves, and never with the token.
        if path == "/favicon.ico" { return .refusal(.notFound) }
        let reads = method == "GET" || method == "HEAD"
        if path == "/healthz" { return reads ? .health : .refusal(.methodNotAllowed) }

        // Before the path is looked at: whoever has no token learns nothing, not even which paths there are.
        if let token, let refusal = token.refusal(of: authorization) { return .refusal(refusal) }
        guard let page = Page(path: path) else { return .refusal(.notFound) }
        return reads ? .page(page) : .refusal(.methodNotAllowed)
    }
}

/// The secret that clients send as `Authorization: Bearer …`.
struct AccessToken: Sendable {
    private let header: [UInt8]

    /// nil for an empty token, which means that none is needed.
    init?(_ secret: String) {
        if secret.isEmpty { return nil }
        header = Array("Bearer \(secret)".utf8)
    }

    /// 401 when nothing was sent, 403 when it is not the token; nil when it is.
    ///
    /// Takes the same time wherever the first wrong byte stands, so that the token cannot be found byte by byte. Its
    /// length is no secret.
    func refusal(of authorization: UnsafeRawBufferPointer?) -> Refusal? {
        guard let authorization else { return .unauthorized }
        guard authorization.count == header.count else { return .forbidden }
        var difference: UInt8 = 0
        for index in header.indices { difference |= header[index] ^ authorization[index] }
        return difference == 0 ? nil : .forbidden
    }
}
