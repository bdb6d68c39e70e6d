internal import Addresses
internal import CMicrohttpd
internal import Glibc

/// A running libmicrohttpd daemon: a few threads, each with a poll loop of its own, far from anything that mines.
final class HTTPServer {
    private let handler: RequestHandler
    private var daemon: OpaquePointer?

    /// Starts serving.
    ///
    /// - Parameter listener: a socket that listens; the server owns it from now on.
    init(listener: Int32, handler: RequestHandler, limits: GatewayLimits) throws(ListeningFailure) {
        self.handler = handler
        var options = cmhd_options()
        options.listen_socket = listener
        options.threads = limits.threads
        options.connections = UInt32(limits.connections)
        options.connection_bytes = limits.connectionBytes
        options.silence_seconds = limits.silenceSeconds
        // Unretained: the daemon ends before `handler` is let go of, see `stop`.
        options.context = Unmanaged.passUnretained(handler).toOpaque()
        // The one place where the path and the query can be had as they came.
        options.began = { _, target, _ in
            Unmanaged.passRetained(Exchange(target: target.map { String(cString: $0) } ?? "")).toOpaque()
        }
        options.handle = { context, connection, path, method, _, piece, pieceBytes, exchange in
            guard let connection, let path, let method, let pieceBytes, let exchange = exchange?.pointee else {
                return .NO
            }
            let piece = UnsafeRawBufferPointer(start: piece, count: piece == nil ? 0 : pieceBytes.pointee)
            pieceBytes.pointee = 0
            return HTTPServer.handler(context).handle(
                Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue(), on: connection, path: path,
                method: method, piece: piece)
        }
        options.completed = { context, connection, exchange, _ in
            guard let connection, let exchange = exchange?.pointee else { return }
            HTTPServer.handler(context).finished(
                Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue(), cmhd_socket(connection),
                at: Clock.monotonicMillis)
        }
        options.connection = { context, connection, _, event in
            guard let connection else { return }
            switch event {
            case .CONNECTION_NOTIFY_STARTED:
                HTTPServer.handler(context).connected(
                    cmhd_socket(connection), from: cmhd_client(connection).flatMap(Network.init),
                    at: Clock.monotonicMillis)
            case .CONNECTION_NOTIFY_CLOSED: HTTPServer.handler(context).closed(cmhd_socket(connection))
            @unknown default: break
            }
        }
        daemon = cmhd_start(&options)
        if daemon == nil {
            close(listener)
            throw ListeningFailure(step: .serve, code: errno)
        }
    }

    deinit { stop(drainMillis: 0) }

    /// Call about once a second.
    func look(at now: Int64) { handler.look(at: now) }

    /// Accepts nobody any more, lets answers that are under way finish for at most `drainMillis`, then closes all.
    func stop(drainMillis: Int64) {
        guard let daemon else { return }
        self.daemon = nil
        handler.startDraining()
        let listener = MHD_quiesce_daemon(daemon)
        if listener >= 0 { close(listener) }
        drain(millis: drainMillis)
        handler.abandonWaiting()
        drain(millis: min(drainMillis, HTTPServer.lastWordMillis))
        MHD_stop_daemon(daemon)
    }

    /// For the few bytes that tell somebody that the answer did not come in time.
    private static let lastWordMillis: Int64 = 100

    private func drain(millis: Int64) {
        let deadline = Clock.monotonicMillis + millis
        while handler.answeringCount > 0 && Clock.monotonicMillis < deadline {
            // Nothing says when the last answer has gone out; 5 ms is soon enough for a process that leaves.
            usleep(5_000)
        }
    }

    private static func handler(_ context: UnsafeMutableRawPointer?) -> RequestHandler {
        Unmanaged<RequestHandler>.fromOpaque(context!).takeUnretainedValue()
    }
}
