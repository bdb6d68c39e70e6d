internal import Addresses
internal import Configuration
internal import Synchronization

/// Decides what a request gets, from its first line and four of its headers.
///
/// The order of the questions: `OPTIONS`, unknown methods, what needs no token, the token or else the host name, the path,
/// the method, and for writes the rules that protect the service. Without the token nothing is to be learned, not even
/// which paths there are.
final class Router: Sendable {
    /// `HEAD` is a `get`: the server leaves out the body.
    enum Method: Sendable { case get, post, put, delete, options }

    struct Request {
        /// As it came.
        var method: String
        /// As it came, without the query.
        var path: String
        /// The bytes of the header `Authorization`; nil when there is none.
        var authorization: UnsafeRawBufferPointer?
        var contentType: String?
        /// The header `Host`.
        var host: String?
        /// nil = not known; its wrong tokens are counted and not limited.
        var client: Network?
        /// Monotonic milliseconds.
        var time: Int64 = 0
    }

    enum Route: Equatable, Sendable {
        /// 200 without a body: what a browser's preflight wants.
        case preflight
        case read(Resource)
        /// To be answered once the body is there.
        case write(Resource)
    }

    /// nil when everybody may read.
    private let token: AccessToken?
    private let isRestricted: Bool
    private let hosts: HostPolicy
    private let guesses = Mutex(TokenGuesses())
    /// Whether pages of other origins may read the answers.
    let opensToOtherOrigins: Bool

    /// - Parameter hostName: of this machine.
    init(api: Settings.API, hostName: String = "") {
        token = api.accessToken.flatMap(AccessToken.init)
        isRestricted = api.isRestricted
        hosts = HostPolicy(api: api, hostName: hostName)
        opensToOtherOrigins = api.opensToOtherOrigins
    }

    /// Requests that were refused for their token, since this process began.
    var refusedTokens: TokenGuesses.Counts { guesses.withLock { $0.counts } }

    /// Call about once a second: what the log is to say of wrong tokens.
    func reportGuesses(at now: Int64) -> TokenGuesses.Report? { guesses.withLock { $0.report(at: now) } }

    func route(_ request: Request) throws(HTTPError) -> Route {
        guard let method = Method(request.method) else { throw HTTPError(.methodNotAllowed) }
        if method == .options { return .preflight }
        // Browsers ask for it by themselves, and never with the token.
        if request.path == "/favicon.ico" { throw HTTPError(.notFound) }

        let named = try? Resource(path: request.path)
        if named?.needsNoToken != true { try check(request, against: token) }
        if named?.takesAnyHost != true, !hosts.allows(request.host) {
            throw HTTPError(.forbidden, message: Router.hint)
        }
        guard let resource = try Resource(path: request.path) else { throw HTTPError(.notFound) }
        guard resource.allows(method) else { throw HTTPError(allowing: resource.allowedMethods) }
        if isRestricted, resource.isClosedWhenRestricted {
            throw HTTPError(.forbidden, message: "The API is read-only: http.restricted is true in the configuration.")
        }
        if method == .get { return .read(resource) }
        if token == nil, resource.changesTheService {
            throw HTTPError(.forbidden, message: "Changes need an access token, and none is configured.")
        }
        guard Router.isJSON(request.contentType) else {
            throw HTTPError(.unsupportedMediaType, message: "Content-Type must be application/json.")
        }
        return .write(resource)
    }

    private static let hint = """
        Unknown host name: use the IP address, add the name to millrace.http-hosts, or set http.access-token.
        """

    private func check(_ request: Request, against token: AccessToken?) throws(HTTPError) {
        guard let token else { return }
        guard let sent = request.authorization else {
            guesses.withLock { $0.missed() }
            throw HTTPError(.unauthorized)
        }
        if let client = request.client, !guesses.withLock({ $0.mayTry(client, at: request.time) }) {
            throw HTTPError(.tooManyRequests)
        }
        guard !token.isSent(in: sent) else { return }
        // The pointer is used within the call only.
        nonisolated(unsafe) let bytes = sent
        guesses.withLock { $0.guessed(bytes, by: request.client, at: request.time) }
        throw HTTPError(.forbidden)
    }

    /// Parameters after `;` say nothing new: JSON is UTF-8 (RFC 8259).
    private static func isJSON(_ contentType: String?) -> Bool {
        guard let type = contentType?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first else {
            return false
        }
        var name = Array(type.utf8)
        while let last = name.last, last == 0x20 || last == 0x09 { name.removeLast() }
        return String(decoding: name, as: UTF8.self).lowercased() == "application/json"
    }
}

extension Router.Method {
    /// nil for those that nothing here knows (RFC 9110: methods are case-sensitive).
    fileprivate init?(_ name: String) {
        switch name {
        case "GET", "HEAD": self = .get
        case "POST": self = .post
        case "PUT": self = .put
        case "DELETE": self = .delete
        case "OPTIONS": self = .options
        default: return nil
        }
    }
}

extension Resource {
    /// As in xmrig-proxy, which has three such: whoever is restricted sees no configuration and changes nothing.
    fileprivate var isClosedWhenRestricted: Bool {
        switch self {
        case .configuration, .change, .jsonRPC: true
        case .page, .worker, .history, .events, .health: false
        }
    }

    /// Stricter than xmrig-proxy: what a stranger could do from a page in somebody's browser, only a token can do here.
    fileprivate var changesTheService: Bool {
        switch self {
        case .configuration, .change: true
        case .jsonRPC, .page, .worker, .history, .events, .health: false
        }
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

    /// Whether the header holds the token.
    ///
    /// Takes the same time wherever the first wrong byte stands, so that the token cannot be found byte by byte. Its
    /// length is no secret.
    func isSent(in authorization: UnsafeRawBufferPointer) -> Bool {
        guard authorization.count == header.count else { return false }
        var difference: UInt8 = 0
        for index in header.indices { difference |= header[index] ^ authorization[index] }
        return difference == 0
    }
}
