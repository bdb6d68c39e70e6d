internal import Configuration
internal import HTTPServing

/// Decides what a request gets, by its head.
///
/// The order of the checks: `OPTIONS`, unknown methods, whether a token is needed, the token, the host name, the path,
/// the method, and for writes the rules that protect the service. Without the token a client learns nothing, not even
/// which paths exist.
struct Router: Sendable {
    enum Route: Equatable, Sendable {
        /// 200 without a body, for a browser's preflight request.
        case preflight
        case read(Resource)
        /// Answered when the body is complete.
        case write(Resource)
    }

    private let authenticator: Authenticator
    private let isRestricted: Bool
    private let hosts: HostPolicy
    /// Whether pages of other origins may read the responses.
    let opensToOtherOrigins: Bool

    /// - Parameter hostName: of this machine.
    init(api: Settings.API, hostName: String = "") {
        authenticator = Authenticator(token: api.accessToken.flatMap(AccessToken.init))
        isRestricted = api.isRestricted
        hosts = HostPolicy(hosts: api.hosts, hostName: hostName, hasToken: api.hasToken)
        opensToOtherOrigins = api.opensToOtherOrigins
    }

    /// Requests that were refused because of their token, since this process started.
    var refusedTokens: TokenGuesses.Counts { authenticator.refusedCounts }

    /// The wrong tokens to log, at most once a minute. Call about once a second.
    func reportGuesses(at now: Int64) -> TokenGuesses.Report? { authenticator.report(at: now) }

    /// Throws the error that the client gets.
    func route(_ head: RequestHead) throws(HTTPError) -> Route {
        guard let method = HTTPMethod(head.method) else { throw HTTPError(.methodNotAllowed) }
        if method == .options { return .preflight }
        // Browsers request it on their own, and never with the token.
        if head.path == "/favicon.ico" { throw HTTPError(.notFound) }

        let named = try? Resource(path: head.path)
        if named?.needsNoToken != true { try authenticator.check(head) }
        if named?.acceptsAnyHost != true, !hosts.allows(head.host) {
            throw HTTPError(.forbidden, message: Router.hostHint)
        }
        guard let resource = try Resource(path: head.path) else { throw HTTPError(.notFound) }
        guard resource.allows(method) else { throw HTTPError(allowing: resource.allowedMethods) }
        if isRestricted, resource.isClosedWhenRestricted {
            throw HTTPError(.forbidden, message: "The API is read-only: http.restricted is true in the configuration.")
        }
        if method == .get { return .read(resource) }
        if !authenticator.needsToken, resource.changesTheService {
            throw HTTPError(.forbidden, message: "Changes need an access token, and none is configured.")
        }
        guard head.isJSON else {
            throw HTTPError(.unsupportedMediaType, message: "Content-Type must be application/json.")
        }
        return .write(resource)
    }

    private static let hostHint = """
        Unknown host name: use the IP address, add the name to millrace.http-hosts, or set http.access-token.
        """
}

extension Settings.API {
    /// An empty token is none.
    var hasToken: Bool { accessToken?.isEmpty == false }

    /// Whether pages of other origins may read the API in a browser. With a token only those that know it can.
    var opensToOtherOrigins: Bool { allowsOtherOrigins ?? hasToken }
}
