internal import Configuration

/// Decides what a request gets, from its first line and three of its headers.
///
/// The order of the questions: `OPTIONS`, unknown methods, what needs no token, the token, the path, the method, and
/// for writes the rules that protect the service. Whoever has no token learns nothing, not even which paths there are.
struct Router: Sendable {
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

    init(api: Settings.API) {
        token = api.accessToken.flatMap(AccessToken.init)
        isRestricted = api.isRestricted
    }

    func route(_ request: Request) throws(Refused) -> Route {
        guard let method = Method(request.method) else { throw Refused(.methodNotAllowed) }
        if method == .options { return .preflight }
        // Browsers ask for it by themselves, and never with the token.
        if request.path == "/favicon.ico" { throw Refused(.notFound) }

        let isOpen = (try? Resource(path: request.path))?.needsNoToken ?? false
        if !isOpen, let token, let refusal = token.refusal(of: request.authorization) { throw Refused(refusal) }
        guard let resource = try Resource(path: request.path) else { throw Refused(.notFound) }
        guard resource.allows(method) else { throw Refused(allowing: resource.allowedMethods) }
        if isRestricted, resource.isClosedWhenRestricted {
            throw Refused(.forbidden, message: "http.restricted is true in the configuration.")
        }
        if method == .get { return .read(resource) }
        if token == nil, resource.changesTheService {
            throw Refused(.forbidden, message: "Changes need an access token, and none is configured.")
        }
        guard Router.isJSON(request.contentType) else {
            throw Refused(.unsupportedMediaType, message: "Content-Type must be application/json.")
        }
        return .write(resource)
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
