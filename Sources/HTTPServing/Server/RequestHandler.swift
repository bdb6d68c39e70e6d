internal import Addresses
internal import CMicrohttpd
internal import Glibc
internal import Linux
package import Logging
internal import Synchronization

/// What the threads of the server do with a request: route it, collect its body, and send the response. They never
/// block: a request whose response takes time is suspended.
package final class RequestHandler: Sendable {
    private let application: any HTTPApplication
    private let streams: OpenStreams
    private let limits: HTTPLimits
    private let log: Logger
    /// The responses to errors without details.
    private let refusals: [HTTPErrorStatus: HTTPResponse]
    private let connections: Mutex<ConnectionTable>
    private let collectedBytes = Atomic<Int>(0)
    private let isDraining = Atomic<Bool>(false)

    /// nil if there is no memory for the responses to errors.
    /// - Parameter log: gets one line at debug level for each error response.
    package init?(application: any HTTPApplication, limits: HTTPLimits, log: Logger) {
        var refusals: [HTTPErrorStatus: HTTPResponse] = [:]
        for status in HTTPErrorStatus.allCases {
            let answer = application.answer(to: HTTPError(status))
            let isOpen = application.opensToOtherOrigins
            guard let response = HTTPResponse(answer.opened(toOtherOrigins: isOpen)) else { return nil }
            refusals[status] = response
        }
        self.application = application
        self.limits = limits
        self.log = log
        self.refusals = refusals
        streams = OpenStreams(limits: limits)
        connections = Mutex(ConnectionTable(limits: limits))
    }

    // MARK: For the main thread.

    /// Shuts down the connections that missed their deadline, which makes libmicrohttpd close them, and sends
    /// heartbeats on idle streams.
    func enforceDeadlines(at now: Int64) {
        streams.keepAlive(at: now) { socket, lastRead in
            connections.withLock { $0.streaming(socket, at: lastRead) }
        }
        // Within the lock: a socket leaves the table before it is closed, so none of these numbers is reused.
        connections.withLock {
            $0.forgetLost(at: now)
            for socket in $0.overdue(at: now) { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    /// After the drain: makes libmicrohttpd close its connections.
    /// - Returns: whether it has any.
    func endConnections() -> Bool {
        connections.withLock { table in
            for socket in table.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
            return !table.sockets.isEmpty
        }
    }

    /// From now on every response is the last of its connection, and waiting requests get an error unless their work
    /// runs.
    func startDraining() {
        isDraining.store(true, ordering: .relaxed)
        streams.finishAll()
        application.startDraining()
    }

    /// After `startDraining`: requests whose work runs get an error too.
    func abandonWaiting() { application.abandonWaiting() }

    /// Connections that are open, including those that were told to close.
    var connectionCount: Int { connections.withLock { $0.openCount } }

    /// Responses that are being made or sent.
    var answeringCount: Int { connections.withLock { $0.answeringCount } }

    // MARK: For the server.

    func connected(_ socket: Int32, from client: Network?, at now: Int64) {
        // Within the lock, for the reason given above.
        connections.withLock {
            if let other = $0.connected(socket, from: client, at: now) { shutdown(other, Int32(SHUT_RDWR)) }
        }
    }

    /// See `ConnectionTable.handed`.
    func handed(_ socket: Int32, as other: Int32) -> Bool { connections.withLock { $0.handed(socket, as: other) } }

    func closed(_ socket: Int32) { connections.withLock { $0.closed(socket) } }

    /// The response was sent or given up, or the request ended without one.
    func finished(_ exchange: Exchange, _ socket: Int32, at now: Int64) {
        if let stream = exchange.stream { streams.close(stream) }
        if case .waiting(let pending) = exchange.stage { pending.end() }
        collectedBytes.subtract(exchange.reservedBytes, ordering: .relaxed)
        connections.withLock { $0.answered(socket, at: now) }
    }

    /// Called for a request when its headers are complete, for each piece of its body, when the body is complete, and
    /// after it was resumed.
    ///
    /// - Parameter piece: of the body; all of it is consumed.
    func handle(
        _ exchange: Exchange, on connection: OpaquePointer, path: UnsafePointer<CChar>, method: UnsafePointer<CChar>,
        piece: UnsafeRawBufferPointer
    ) -> MHD_Result {
        switch exchange.stage {
        case .beginning:
            return begin(exchange, on: connection, path: String(cString: path), method: String(cString: method))
        case .discarding(let responder, let bytes):
            if piece.isEmpty { return answer(with: responder, [], exchange, on: connection) }
            exchange.stage = .discarding(responder, bytes: bytes + piece.count)
            // Its length was not announced (chunks), so it is too late for a response: `.NO` closes the connection.
            return bytes + piece.count <= limits.requestBodyBytes ? .YES : .NO
        case .refusing(let error, let bytes):
            if piece.isEmpty { return refuse(error, exchange, on: connection) }
            exchange.stage = .refusing(error, bytes: bytes + piece.count)
            return bytes + piece.count <= limits.requestBodyBytes ? .YES : .NO
        case .collecting(let responder, var body, let bytesMax):
            if piece.isEmpty { return answer(with: responder, body, exchange, on: connection) }
            guard body.count + piece.count <= bytesMax else { return .NO }
            exchange.stage = .beginning  // leaves one reference to the array, so that it grows in place
            body.append(contentsOf: piece)
            exchange.stage = .collecting(responder, body, bytesMax: bytesMax)
            return .YES
        case .waiting(let pending):
            return wait(for: pending, exchange, on: connection)
        case .answered: return .NO
        }
    }

    // MARK: The headers are complete.

    private func begin(_ exchange: Exchange, on connection: OpaquePointer, path: String, method: String) -> MHD_Result {
        let announced = announcedBytes(connection)
        do throws(HTTPError) {
            guard exchange.target.utf8.count <= limits.targetBytes else { throw HTTPError(.targetTooLong) }
            guard cmhd_header_bytes(connection) <= limits.headBytes else { throw HTTPError(.headersTooLarge) }
            let authorization = MHD_lookup_connection_value(connection, .HEADER_KIND, "Authorization")
            let responder = try application.route(
                RequestHead(
                    method: method, path: path,
                    authorization: authorization.map { UnsafeRawBufferPointer(start: $0, count: strlen($0)) },
                    contentType: connection.header("Content-Type"), host: connection.header("Host"),
                    client: client(of: connection), time: MonotonicClock.milliseconds))
            if announced != 0 {
                connections.withLock { $0.reading(cmhd_socket(connection), at: MonotonicClock.milliseconds) }
            }
            if let bytesMax = responder.bodyBytesMax {
                if let announced, announced > bytesMax { throw HTTPError(.contentTooLarge) }
                try reserve(announced ?? bytesMax, for: exchange)
                exchange.stage = .collecting(responder, [], bytesMax: bytesMax)
                return .YES
            }
            exchange.stage = .discarding(responder, bytes: 0)
        } catch {
            // A body that is not wanted is read if it is short, so that the client can read its response.
            if let announced, announced > limits.requestBodyBytes || error.status == .contentTooLarge {
                return refuse(error, exchange, on: connection, closing: true)
            }
            // Each guess of a token costs a connection.
            if error.status == .tooManyRequests { return refuse(error, exchange, on: connection, closing: true) }
            exchange.stage = .refusing(error, bytes: 0)
            return .YES
        }
        guard announced.map({ $0 <= limits.requestBodyBytes }) ?? true else {
            return refuse(HTTPError(.contentTooLarge), exchange, on: connection, closing: true)
        }
        return .YES
    }

    /// Bytes of the body by its headers; nil if it comes in chunks, whatever `Content-Length` says.
    private func announcedBytes(_ connection: OpaquePointer) -> Int? {
        if connection.header("Transfer-Encoding") != nil { return nil }
        guard let length = connection.header("Content-Length") else { return 0 }
        return Int(length) ?? .max
    }

    private func reserve(_ bytes: Int, for exchange: Exchange) throws(HTTPError) {
        guard collectedBytes.add(bytes, ordering: .relaxed).newValue <= limits.collectedBytes else {
            collectedBytes.subtract(bytes, ordering: .relaxed)
            throw HTTPError(.serviceUnavailable)
        }
        exchange.reservedBytes = bytes
    }

    // MARK: The request is complete.

    private func answer(
        with responder: any RequestResponder, _ body: [UInt8], _ exchange: Exchange, on connection: OpaquePointer
    ) -> MHD_Result {
        // First, so that a process that stops waits for a response that is being made.
        startAnswering(connection)
        do throws(HTTPError) {
            let request = Request(query: exchange.query, body: body, connection: connection)
            switch try responder.respond(to: request) {
            case .prepared(let response): return queue(response, exchange, on: connection)
            case .answer(let answer): return queue(response(answer), exchange, on: connection)
            case .representation(let representation):
                let response = representation.response(known: connection.header("If-None-Match"))
                return queue(response, exchange, on: connection)
            case .pending(let pending):
                exchange.stage = .waiting(pending)
                return wait(for: pending, exchange, on: connection)
            case .stream(let source): return try stream(source, exchange, on: connection)
            }
        } catch {
            return refuse(error, exchange, on: connection)
        }
    }

    private func wait(for pending: PendingResponse, _ exchange: Exchange, on connection: OpaquePointer) -> MHD_Result {
        guard let result = pending.resultOrSuspend() else { return .YES }
        let answer: Answer
        switch result {
        case .success(let delivered): answer = delivered
        case .failure(let error):
            log.debug("\(error.status.rawValue) for \(exchange.target)")
            answer = application.answer(to: error)
        }
        return queue(response(answer), exchange, on: connection)
    }

    private func stream(
        _ source: any EventStreamSource, _ exchange: Exchange, on connection: OpaquePointer
    ) throws(HTTPError) -> MHD_Result {
        let request = EventStreamRequest(lastEventID: connection.header("Last-Event-ID"), query: exchange.query)
        let answer = try streams.open(
            on: connection, of: client(of: connection), at: MonotonicClock.milliseconds
        ) { (suspension) throws(HTTPError) in
            try source.open(request, suspension: suspension)
        }
        exchange.stream = answer
        exchange.stage = .answered
        let head = Answer.eventStream.opened(toOtherOrigins: application.opensToOtherOrigins)
        return HTTPResponse.queue(answer, head, on: connection)
    }

    private func client(of connection: OpaquePointer) -> Network? {
        cmhd_client(connection).flatMap(Network.init)
    }

    // MARK: Sending.

    private func startAnswering(_ connection: OpaquePointer) {
        connections.withLock { $0.answering(cmhd_socket(connection), at: MonotonicClock.milliseconds) }
    }

    /// - Parameter closing: closes the connection: the rest of the body would be read as the next request.
    private func refuse(
        _ error: HTTPError, _ exchange: Exchange, on connection: OpaquePointer, closing: Bool = false
    ) -> MHD_Result {
        log.debug("\(error.status.rawValue) \(error.status.name) for \(exchange.target)")
        startAnswering(connection)
        let isPlain = error == HTTPError(error.status)
        let response = isPlain ? refusals[error.status] : response(application.answer(to: error))
        return queue(closing ? response?.closing : response, exchange, on: connection)
    }

    private func response(_ answer: Answer) -> HTTPResponse? {
        HTTPResponse(answer.opened(toOtherOrigins: application.opensToOtherOrigins))
    }

    private func queue(_ response: HTTPResponse?, _ exchange: Exchange, on connection: OpaquePointer) -> MHD_Result {
        exchange.finishWaiting()
        guard let response = isDraining.load(ordering: .relaxed) ? response?.closing : response else { return .NO }
        return response.queue(on: connection)
    }
}
