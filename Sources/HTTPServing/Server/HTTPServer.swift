internal import Addresses
internal import CMicrohttpd
internal import Glibc
internal import Linux
package import Logging
package import TLSHandshake

/// A running libmicrohttpd daemon: a few threads, each with its own poll loop, and the thread that accepts for them.
package final class HTTPServer {
    private let handler: RequestHandler
    private var daemon: OpaquePointer?
    private var front: Front?

    /// Starts serving.
    ///
    /// - Parameters:
    ///   - listener: a listening socket, non-blocking. The server owns it from now on, also if this throws.
    ///   - context: see `use`.
    ///   - log: gets a line when HTTPS is asked for and not served.
    package init(
        listener: Int32, handler: RequestHandler, limits: HTTPLimits, context: ServerContext? = nil, log: Logger
    ) throws(ListeningFailure) {
        self.handler = handler
        var options = cmhd_options()
        options.threads = limits.threads
        options.connections = UInt32(limits.connectionsOfLibrary)
        options.connection_bytes = limits.connectionBytes
        options.silence_seconds = limits.silenceSeconds
        // Unretained: `stop` ends the daemon before `handler` is released.
        options.context = Unmanaged.passUnretained(handler).toOpaque()
        // The only callback that gets the path and the query as received.
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
                at: MonotonicClock.milliseconds)
        }
        options.connection = { context, connection, _, event in
            guard let connection else { return }
            switch event {
            case .CONNECTION_NOTIFY_STARTED:
                HTTPServer.handler(context).connected(
                    cmhd_socket(connection), from: cmhd_client(connection).flatMap(Network.init),
                    at: MonotonicClock.milliseconds)
            case .CONNECTION_NOTIFY_CLOSED: HTTPServer.handler(context).closed(cmhd_socket(connection))
            @unknown default: break
            }
        }
        guard let daemon = cmhd_start(&options) else {
            close(listener)
            throw ListeningFailure(step: .serve, code: errno)
        }
        self.daemon = daemon
        front = try Front(
            listener: listener, daemon: daemon, context: context, handler: handler, limits: limits, log: log)
    }

    deinit { stop(drainMillis: 0) }

    /// The certificate for HTTPS on the same port, from now on; nil = only HTTP is served. The context must keep OpenSSL
    /// as the record layer.
    package func use(_ context: ServerContext?) { front?.use(context) }

    /// Closes connections that missed their deadline, and sends heartbeats on idle streams. Call about once a second.
    /// - Parameter now: monotonic milliseconds.
    package func enforceDeadlines(at now: Int64) { handler.enforceDeadlines(at: now) }

    /// Accepts no more connections, lets responses under way finish for at most `drainMillis`, then closes all.
    package func stop(drainMillis: Int64) {
        guard let daemon else { return }
        self.daemon = nil
        handler.startDraining()
        front?.stopAccepting()
        drain(millis: drainMillis)
        handler.abandonWaiting()
        drain(millis: min(drainMillis, HTTPServer.lastResponseMillis))
        endConnections()
        MHD_stop_daemon(daemon)
        front?.stop()
        front = nil
    }

    /// For the error responses to requests that still waited at the end of the drain.
    private static let lastResponseMillis: Int64 = 100

    private func drain(millis: Int64) {
        let deadline = MonotonicClock.milliseconds + millis
        while handler.answeringCount > 0 && MonotonicClock.milliseconds < deadline {
            // Nothing reports that the last response was sent; 5 ms is soon enough for a process that stops.
            usleep(5_000)
        }
    }

    /// libmicrohttpd (0.9.75) crashes when it refuses a malformed request after `MHD_stop_daemon` was called: it queues
    /// no response any more, and sends the one that it has not queued. So its threads have nothing to read by then.
    private func endConnections() {
        let deadline = MonotonicClock.milliseconds + HTTPServer.lastResponseMillis
        while handler.endConnections(), MonotonicClock.milliseconds < deadline { usleep(1_000) }
    }

    private static func handler(_ context: UnsafeMutableRawPointer?) -> RequestHandler {
        Unmanaged<RequestHandler>.fromOpaque(context!).takeUnretainedValue()
    }

    /// The version of libmicrohttpd, such as "0.9.75".
    package static var libraryVersion: String { MHD_get_version().map { String(cString: $0) } ?? "" }
}
