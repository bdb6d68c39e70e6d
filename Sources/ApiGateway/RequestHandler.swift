internal import CMicrohttpd
internal import Glibc
internal import Logging
internal import Synchronization

/// What the threads of the server do with a request: route it and hand over a finished answer.
final class RequestHandler: Sendable {
    private let pages: Pages
    private let router: Router
    private let limits: GatewayLimits
    private let log: Logger
    private let preflight: HTTPResponse
    private let health: HTTPResponse
    private let refusals: [Refusal: HTTPResponse]
    private let connections: Mutex<ConnectionDeadlines>
    private let isDraining = Atomic<Bool>(false)

    /// nil when there is no memory for the fixed answers.
    init?(pages: Pages, router: Router, limits: GatewayLimits, log: Logger) {
        guard let preflight = HTTPResponse(.preflight), let health = HTTPResponse(.health) else { return nil }
        var refusals: [Refusal: HTTPResponse] = [:]
        for refusal in Refusal.allCases {
            guard let response = HTTPResponse(.refusal(refusal)) else { return nil }
            refusals[refusal] = response
        }
        self.pages = pages
        self.router = router
        self.limits = limits
        self.log = log
        self.preflight = preflight
        self.health = health
        self.refusals = refusals
        connections = Mutex(ConnectionDeadlines(limits: limits))
    }

    // MARK: For the main thread.

    /// Shuts down the connections that have not done in time what they are at; the server then closes them.
    func cutOverdue(at now: Int64) {
        // Within the lock: a socket leaves the table before it is closed, so none of these numbers is reused.
        connections.withLock { for socket in $0.overdue(at: now) { shutdown(socket, Int32(SHUT_RDWR)) } }
    }

    /// From now on every answer is the last of its connection.
    func startDraining() { isDraining.store(true, ordering: .relaxed) }

    /// Answers that are on their way to a client.
    var answeringCount: Int { connections.withLock { $0.answeringCount } }

    // MARK: For the server.

    func connected(_ socket: Int32, at now: Int64) { connections.withLock { $0.connected(socket, at: now) } }
    func closed(_ socket: Int32) { connections.withLock { $0.closed(socket) } }
    func answered(_ socket: Int32, at now: Int64) { connections.withLock { $0.answered(socket, at: now) } }

    /// Called for one request when its headers are there, for each piece of its body, and when it is whole.
    ///
    /// - Parameters:
    ///   - progress: nil at first; then 1 + the bytes of the body that have been thrown away, as the bits of a pointer
    ///     (there is nothing else to remember, so nothing is allocated).
    ///   - pieceBytes: how long this piece of the body is; set to what is left of it.
    func handle(
        _ connection: OpaquePointer, path: UnsafePointer<CChar>, method: UnsafePointer<CChar>,
        progress: inout UnsafeMutableRawPointer?, pieceBytes: inout Int
    ) -> MHD_Result {
        guard let progressed = progress else {
            progress = UnsafeMutableRawPointer(bitPattern: 1)
            return announcesTooMuch(connection) ? answer(connection, with: .refusal(.contentTooLarge)) : .YES
        }
        if pieceBytes > 0 {
            let received = UInt(bitPattern: progressed) + UInt(pieceBytes)
            progress = UnsafeMutableRawPointer(bitPattern: received)
            pieceBytes = 0
            // Its length was not announced (chunks), so it is too late for an answer: `.NO` closes the connection.
            return received - 1 <= limits.requestBodyBytes ? .YES : .NO
        }
        let path = String(cString: path)
        let authorization = MHD_lookup_connection_value(connection, .HEADER_KIND, "Authorization")
        let route = router.route(
            method: String(cString: method), path: path,
            authorization: authorization.map { UnsafeRawBufferPointer(start: $0, count: strlen($0)) })
        if case .refusal(let refusal) = route {
            log.debug("\(refusal.rawValue) \(refusal.name) for \(String(cString: method)) \(path)")
        }
        return answer(connection, with: route)
    }

    private func answer(_ connection: OpaquePointer, with route: Router.Route) -> MHD_Result {
        // First, so that a process that leaves waits for a page that is just being built.
        connections.withLock { $0.answering(cmhd_socket(connection), at: Clock.monotonicMillis) }
        var response = response(to: route)
        // After 413 the rest of the body would be taken for the next request.
        if isDraining.load(ordering: .relaxed) || route == .refusal(.contentTooLarge) { response = response?.closing }
        guard let response else { return .NO }
        return response.queue(on: connection)
    }

    private func response(to route: Router.Route) -> HTTPResponse? {
        switch route {
        case .preflight: return preflight
        case .health: return health
        case .refusal(let refusal): return refusals[refusal]
        case .page(let page):
            do throws(Refusal) {
                return try pages.response(for: page)
            } catch {
                return refusals[error]
            }
        }
    }

    private func announcesTooMuch(_ connection: OpaquePointer) -> Bool {
        guard let length = MHD_lookup_connection_value(connection, .HEADER_KIND, "Content-Length"),
            let count = UInt64(String(cString: length))
        else { return false }
        return count > limits.requestBodyBytes
    }
}
