internal import Addresses
internal import CMicrohttpd
internal import DaemonKit
internal import Glibc
internal import Logging
internal import Synchronization

/// What the threads of the server do with a request: route it and hand over a finished answer. They never wait: what
/// takes time is an errand, and its request sleeps meanwhile.
final class RequestHandler: Sendable {
    private let pages: DocumentCache
    private let router: Router
    private let actions: Actions
    private let streams: OpenStreams
    private let streamSource: (any EventStreamSource)?
    private let limits: GatewayLimits
    private let log: Logger
    private let preflight: HTTPResponse
    private let health: HTTPResponse
    private let refusals: [HTTPErrorStatus: HTTPResponse]
    private let connections: Mutex<ConnectionTable>
    private let collectedBytes = Atomic<Int>(0)
    private let isDraining = Atomic<Bool>(false)

    /// nil when there is no memory for the fixed answers.
    /// - Parameter streamSource: nil where no events can be followed.
    init?(
        pages: DocumentCache, router: Router, actions: Actions, streamSource: (any EventStreamSource)?,
        limits: GatewayLimits,
        log: Logger
    ) {
        let isOpen = router.opensToOtherOrigins
        guard let preflight = HTTPResponse(.preflight.opened(toOtherOrigins: isOpen)),
            let health = HTTPResponse(.health.opened(toOtherOrigins: isOpen))
        else { return nil }
        var refusals: [HTTPErrorStatus: HTTPResponse] = [:]
        for refusal in HTTPErrorStatus.allCases {
            guard let response = HTTPResponse(.refusal(refusal).opened(toOtherOrigins: isOpen)) else { return nil }
            refusals[refusal] = response
        }
        self.pages = pages
        self.router = router
        self.actions = actions
        self.streamSource = streamSource
        self.limits = limits
        self.log = log
        self.preflight = preflight
        self.health = health
        self.refusals = refusals
        streams = OpenStreams(limits: limits)
        connections = Mutex(ConnectionTable(limits: limits))
    }

    // MARK: For the main thread.

    /// Call about once a second: shuts down the connections that have not done in time what they are at (the server
    /// then closes them), and shows the others that they are not forgotten.
    func look(at now: Int64) {
        streams.keepAlive(at: now) { socket, lastRead in
            connections.withLock { $0.streaming(socket, at: lastRead) }
        }
        // Within the lock: a socket leaves the table before it is closed, so none of these numbers is reused.
        connections.withLock { for socket in $0.overdue(at: now) { shutdown(socket, Int32(SHUT_RDWR)) } }
        if let report = router.reportGuesses(at: now) { tell(report) }
    }

    private func tell(_ report: TokenGuesses.Report) {
        let others = report.addresses - 1
        let more = others > 0 ? ", \(report.count - report.most) more from \(others) other" : ""
        log.warning(
            """
            \(counted(report.most, "request")) with a wrong API token from \(report.address.text)\(more): correct the \
            token of that client, or block its address
            """)
    }

    /// From now on every answer is the last of its connection, and nobody waits for anything but what is being done.
    func startDraining() {
        isDraining.store(true, ordering: .relaxed)
        streams.finishAll()
        actions.close()
    }

    /// After that: not even for that.
    func abandonWaiting() { actions.abandon() }

    /// Answers that are on their way to a client.
    var answeringCount: Int { connections.withLock { $0.answeringCount } }

    // MARK: For the server.

    func connected(_ socket: Int32, from client: Network?, at now: Int64) {
        // Within the lock, as above.
        connections.withLock {
            if let other = $0.connected(socket, from: client, at: now) { shutdown(other, Int32(SHUT_RDWR)) }
        }
    }

    func closed(_ socket: Int32) { connections.withLock { $0.closed(socket) } }

    /// The answer has been taken or given up, or the request has ended without one.
    func finished(_ exchange: Exchange, _ socket: Int32, at now: Int64) {
        if let stream = exchange.stream { streams.close(stream) }
        if case .waiting(let handover) = exchange.stage { handover.end() }
        collectedBytes.subtract(exchange.reservedBytes, ordering: .relaxed)
        connections.withLock { $0.answered(socket, at: now) }
    }

    /// Called for one request when its headers are there, for each piece of its body, when it is whole, and after it
    /// was woken.
    ///
    /// - Parameter piece: of the body; all of it is taken.
    func handle(
        _ exchange: Exchange, on connection: OpaquePointer, path: UnsafePointer<CChar>, method: UnsafePointer<CChar>,
        piece: UnsafeRawBufferPointer
    ) -> MHD_Result {
        switch exchange.stage {
        case .beginning:
            return begin(exchange, on: connection, path: String(cString: path), method: String(cString: method))
        case .discarding(let route, let bytes):
            if piece.isEmpty { return answer(route, exchange, on: connection) }
            exchange.stage = .discarding(route, bytes: bytes + piece.count)
            // Its length was not announced (chunks), so it is too late for an answer: `.NO` closes the connection.
            return bytes + piece.count <= limits.requestBodyBytes ? .YES : .NO
        case .refusing(let refused, let bytes):
            if piece.isEmpty { return refuse(refused, exchange, on: connection) }
            exchange.stage = .refusing(refused, bytes: bytes + piece.count)
            return bytes + piece.count <= limits.requestBodyBytes ? .YES : .NO
        case .collecting(let resource, var body, let bytesMax):
            if piece.isEmpty { return write(resource, body, exchange, on: connection) }
            guard body.count + piece.count <= bytesMax else { return .NO }
            exchange.stage = .beginning  // so that there is one reference to the array, and it grows in place
            body.append(contentsOf: piece)
            exchange.stage = .collecting(resource, body, bytesMax: bytesMax)
            return .YES
        case .waiting(let handover):
            return wait(for: handover, exchange, on: connection)
        case .answered: return .NO
        }
    }

    // MARK: The headers are there.

    private func begin(_ exchange: Exchange, on connection: OpaquePointer, path: String, method: String) -> MHD_Result {
        let announced = announcedBytes(connection)
        do throws(HTTPError) {
            guard exchange.target.utf8.count <= limits.targetBytes else { throw HTTPError(.targetTooLong) }
            guard cmhd_header_bytes(connection) <= limits.headBytes else { throw HTTPError(.headersTooLarge) }
            let authorization = MHD_lookup_connection_value(connection, .HEADER_KIND, "Authorization")
            let route = try router.route(
                Router.Request(
                    method: method, path: path,
                    authorization: authorization.map { UnsafeRawBufferPointer(start: $0, count: strlen($0)) },
                    contentType: header("Content-Type", connection), host: header("Host", connection),
                    client: client(of: connection), time: Clock.monotonicMillis))
            if announced != 0 {
                connections.withLock { $0.reading(cmhd_socket(connection), at: Clock.monotonicMillis) }
            }
            switch route {
            case .preflight, .read: exchange.stage = .discarding(route, bytes: 0)
            case .write(let resource):
                let bytesMax = resource == .configuration ? limits.configurationBytes : limits.requestBodyBytes
                if let announced, announced > bytesMax { throw HTTPError(.contentTooLarge) }
                try reserve(announced ?? bytesMax, for: exchange)
                exchange.stage = .collecting(resource, [], bytesMax: bytesMax)
                return .YES
            }
        } catch {
            // A body that nobody wants is read if it is short, so that the client gets to read its answer.
            if let announced, announced > limits.requestBodyBytes || error.status == .contentTooLarge {
                return refuse(error, exchange, on: connection, closing: true)
            }
            // A connection for each attempt.
            if error.status == .tooManyRequests { return refuse(error, exchange, on: connection, closing: true) }
            exchange.stage = .refusing(error, bytes: 0)
            return .YES
        }
        guard announced.map({ $0 <= limits.requestBodyBytes }) ?? true else {
            return refuse(HTTPError(.contentTooLarge), exchange, on: connection, closing: true)
        }
        return .YES
    }

    /// nil when nothing was announced: the body comes in chunks, whatever `Content-Length` says.
    private func announcedBytes(_ connection: OpaquePointer) -> Int? {
        if header("Transfer-Encoding", connection) != nil { return nil }
        guard let length = header("Content-Length", connection) else { return 0 }
        return Int(length) ?? .max
    }

    private func reserve(_ bytes: Int, for exchange: Exchange) throws(HTTPError) {
        guard collectedBytes.add(bytes, ordering: .relaxed).newValue <= limits.collectedBytes else {
            collectedBytes.subtract(bytes, ordering: .relaxed)
            throw HTTPError(.serviceUnavailable)
        }
        exchange.reservedBytes = bytes
    }

    // MARK: The request is whole.

    private func answer(_ route: Router.Route, _ exchange: Exchange, on connection: OpaquePointer) -> MHD_Result {
        // First, so that a process that leaves waits for a page that is just being built.
        startAnswering(connection)
        do throws(HTTPError) {
            switch route {
            case .preflight: return queue(preflight, exchange, on: connection)
            case .read(.health): return queue(health, exchange, on: connection)
            case .read(.page(let page)):
                let question = try PageQuery(page, query: exchange.query)
                let document =
                    if let question {
                        try pages.document(question, as: coding(connection))
                    } else {
                        try pages.document(page, as: coding(connection))
                    }
                return queue(document, exchange, on: connection)
            case .read(.worker(let name)):
                let document = try pages.document(.worker(name: name), as: coding(connection))
                return queue(document, exchange, on: connection)
            case .read(.events): return try stream(exchange, on: connection)
            case .read(let resource): return try run(.read(resource, query: exchange.query), exchange, on: connection)
            case .write(let resource): return write(resource, [], exchange, on: connection)
            }
        } catch {
            return refuse(error, exchange, on: connection)
        }
    }

    private func write(
        _ resource: Resource, _ body: [UInt8], _ exchange: Exchange, on connection: OpaquePointer
    ) -> MHD_Result {
        startAnswering(connection)
        if resource == .jsonRPC {
            return queue(response(JSONRPC.answer(to: body)), exchange, on: connection)
        }
        do throws(HTTPError) {
            return try run(.write(resource, body: body), exchange, on: connection)
        } catch {
            return refuse(error, exchange, on: connection)
        }
    }

    private func run(_ action: Action, _ exchange: Exchange, on connection: OpaquePointer) throws(HTTPError)
        -> MHD_Result
    {
        let handover = PendingResponse(connection: connection)
        try actions.run(action, for: handover)
        exchange.stage = .waiting(handover)
        return wait(for: handover, exchange, on: connection)
    }

    private func wait(for handover: PendingResponse, _ exchange: Exchange, on connection: OpaquePointer) -> MHD_Result {
        guard let answer = handover.takeOrSuspend() else { return .YES }
        if answer.status >= 400 { log.debug("\(answer.status) for \(exchange.target)") }
        return queue(response(answer), exchange, on: connection)
    }

    private func stream(_ exchange: Exchange, on connection: OpaquePointer) throws(HTTPError) -> MHD_Result {
        guard let streamSource else { throw HTTPError(.notFound) }
        let request = EventStreamRequest(
            lastEventID: header("Last-Event-ID", connection), query: exchange.query)
        let answer = try streams.open(on: connection, of: client(of: connection), at: Clock.monotonicMillis) {
            (suspension) throws(HTTPError) in
            try streamSource.open(request, suspension: suspension)
        }
        exchange.stream = answer
        exchange.stage = .answered
        let head = Answer.eventStream.opened(toOtherOrigins: router.opensToOtherOrigins)
        return HTTPResponse.queue(answer, head, on: connection)
    }

    private func client(of connection: OpaquePointer) -> Network? {
        cmhd_client(connection).flatMap(Network.init)
    }

    private func coding(_ connection: OpaquePointer) -> ContentCoding {
        ContentCoding(acceptedBy: header("Accept-Encoding", connection))
    }

    // MARK: Handing over.

    private func startAnswering(_ connection: OpaquePointer) {
        connections.withLock { $0.answering(cmhd_socket(connection), at: Clock.monotonicMillis) }
    }

    /// - Parameter closing: the connection ends here: the rest of the body would be taken for the next request.
    private func refuse(
        _ refused: HTTPError, _ exchange: Exchange, on connection: OpaquePointer, closing: Bool = false
    ) -> MHD_Result {
        log.debug("\(refused.status.rawValue) \(refused.status.name) for \(exchange.target)")
        startAnswering(connection)
        let isPlain = refused == HTTPError(refused.status)
        let response = isPlain ? refusals[refused.status] : response(.refused(refused))
        return queue(closing ? response?.closing : response, exchange, on: connection)
    }

    private func response(_ answer: Answer) -> HTTPResponse? {
        HTTPResponse(answer.opened(toOtherOrigins: router.opensToOtherOrigins))
    }

    private func queue(_ document: Document, _ exchange: Exchange, on connection: OpaquePointer) -> MHD_Result {
        queue(document.response(known: header("If-None-Match", connection)), exchange, on: connection)
    }

    private func queue(_ response: HTTPResponse?, _ exchange: Exchange, on connection: OpaquePointer) -> MHD_Result {
        exchange.finishWaiting()
        guard let response = isDraining.load(ordering: .relaxed) ? response?.closing : response else { return .NO }
        return response.queue(on: connection)
    }

    private func header(_ name: StaticString, _ connection: OpaquePointer) -> String? {
        let name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        return MHD_lookup_connection_value(connection, .HEADER_KIND, name).map { String(cString: $0) }
    }
}
