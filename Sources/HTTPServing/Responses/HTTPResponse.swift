internal import CMicrohttpd
internal import Linux

/// A response in the form that libmicrohttpd sends: made once, queued for any number of clients.
package final class HTTPResponse: @unchecked Sendable {
    // Unchecked, because a pointer is not Sendable; libmicrohttpd counts references to a response under its own lock.
    private let raw: OpaquePointer
    private let headers: [Answer.Header]
    let status: UInt32
    package let body: Body

    /// nil if there is no memory for it.
    /// - Parameter ledger: counts the bytes of the body as long as a client reads it.
    package convenience init?(_ answer: Answer, ledger: BodyLedger? = nil) {
        self.init(status: answer.status, headers: answer.sentHeaders, body: Body(answer.body, ledger: ledger))
    }

    private init?(status: UInt32, headers: [Answer.Header], body: Body) {
        let created = MHD_create_response_from_buffer_with_free_callback_cls(
            body.bytes.count, body.bytes.baseAddress,
            { Unmanaged<Body>.fromOpaque($0!).release() }, Unmanaged.passRetained(body).toOpaque())
        guard let created else {
            Unmanaged.passUnretained(body).release()
            return nil
        }
        for header in headers { _ = MHD_add_response_header(created, header.name, header.value) }
        raw = created
        self.status = status
        self.headers = headers
        self.body = body
    }

    deinit { MHD_destroy_response(raw) }

    /// The same response with `Connection: close`. Shares the body.
    var closing: HTTPResponse? {
        HTTPResponse(status: status, headers: headers + [.init(name: "Connection", value: "close")], body: body)
    }

    func queue(on connection: OpaquePointer) -> MHD_Result { MHD_queue_response(connection, status, raw) }

    /// Queues a stream, which libmicrohttpd reads when its client accepts more bytes.
    static func queue(_ stream: StreamingAnswer, _ head: Answer, on connection: OpaquePointer) -> MHD_Result {
        let created = MHD_create_response_from_callback(
            UInt64.max,  // MHD_SIZE_UNKNOWN: chunks for HTTP/1.1, until the end of the connection for 1.0
            4_096,
            { context, _, buffer, size in
                guard let context, let buffer else { return -2 }  // MHD_CONTENT_READER_END_WITH_ERROR
                return Unmanaged<StreamingAnswer>.fromOpaque(context).takeUnretainedValue()
                    .pull(
                        into: UnsafeMutableRawBufferPointer(start: buffer, count: size),
                        at: MonotonicClock.milliseconds)
            },
            Unmanaged.passRetained(stream).toOpaque(),
            { Unmanaged<StreamingAnswer>.fromOpaque($0!).release() })
        guard let created else {
            Unmanaged.passUnretained(stream).release()
            return .NO
        }
        defer { MHD_destroy_response(created) }  // the connection holds it from here on
        for header in head.sentHeaders { _ = MHD_add_response_header(created, header.name, header.value) }
        return MHD_queue_response(connection, head.status, created)
    }
}
