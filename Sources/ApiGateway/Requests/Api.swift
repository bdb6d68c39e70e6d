internal import ApiDocuments
internal import HTTPServing

/// The API: finds what answers each request.
final class Api: HTTPApplication {
    fileprivate let pages: DocumentCache
    private let router: Router
    fileprivate let actions: Actions
    fileprivate let streamSource: (any EventStreamSource)?
    fileprivate let limits: GatewayLimits
    fileprivate let preflight: HTTPResponse
    fileprivate let health: HTTPResponse

    /// nil if there is no memory for the fixed responses.
    /// - Parameter streamSource: nil if there are no events.
    init?(
        pages: DocumentCache, router: Router, actions: Actions, streamSource: (any EventStreamSource)?,
        limits: GatewayLimits
    ) {
        let isOpen = router.opensToOtherOrigins
        guard let preflight = HTTPResponse(.preflight.opened(toOtherOrigins: isOpen)),
            let health = HTTPResponse(.health.opened(toOtherOrigins: isOpen))
        else { return nil }
        self.pages = pages
        self.router = router
        self.actions = actions
        self.streamSource = streamSource
        self.limits = limits
        self.preflight = preflight
        self.health = health
    }

    var opensToOtherOrigins: Bool { router.opensToOtherOrigins }

    func route(_ head: RequestHead) throws(HTTPError) -> any RequestResponder {
        RoutedRequest(api: self, route: try router.route(head))
    }

    func answer(to error: HTTPError) -> Answer { .refused(error) }

    func startDraining() { actions.close() }
    func abandonWaiting() { actions.abandon() }
}

/// A request whose route is known.
private struct RoutedRequest: RequestResponder {
    let api: Api
    let route: Router.Route

    var bodyBytesMax: Int? {
        switch route {
        case .preflight, .read: nil
        case .write(.configuration): api.limits.configurationBytes
        case .write: api.limits.http.requestBodyBytes
        }
    }

    func respond(to request: Request) throws(HTTPError) -> Reply {
        switch route {
        case .preflight: return .prepared(api.preflight)
        case .read(.health): return .prepared(api.health)
        case .read(.page(let page)): return .representation(try representation(of: page, for: request))
        case .read(.worker(let name)):
            return .representation(try api.pages.representation(.worker(name: name), in: request.acceptedCoding))
        case .read(.events):
            guard let source = api.streamSource else { throw HTTPError(.notFound) }
            return .stream(source)
        case .read(let resource): return try run(.read(resource, query: request.query), for: request)
        case .write(.jsonRPC): return .answer(.document(JSONRPC.response(to: request.body)))
        case .write(let resource): return try run(.write(resource, body: request.body), for: request)
        }
    }

    private func representation(of page: Page, for request: Request) throws(HTTPError) -> Representation {
        let query: PageQuery?
        do throws(QueryFault) {
            query = try PageQuery(page, query: request.query)
        } catch {
            throw HTTPError(error)
        }
        if let query { return try api.pages.representation(query, in: request.acceptedCoding) }
        return try api.pages.representation(page, in: request.acceptedCoding)
    }

    private func run(_ action: Action, for request: Request) throws(HTTPError) -> Reply {
        let pending = request.pendingResponse()
        try api.actions.run(action, for: pending)
        return .pending(pending)
    }
}
