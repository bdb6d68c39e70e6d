internal import CMicrohttpd
internal import Synchronization

/// How many bytes of bodies are in memory, whoever still holds them.
final class BodyLedger: Sendable {
    private let total = Atomic<Int>(0)

    var bytes: Int { total.load(ordering: .relaxed) }

    fileprivate func add(_ count: Int) { total.add(count, ordering: .relaxed) }
    fileprivate func remove(_ count: Int) { total.subtract(count, ordering: .relaxed) }
}

/// The bytes of one body at an address that stays: threads of libmicrohttpd send from it until the last client has
/// all of it.
final class Body: @unchecked Sendable {
    // Unchecked, because a pointer is not Sendable; the bytes never change between init and deinit.
    fileprivate let bytes: UnsafeMutableBufferPointer<UInt8>
    private let ledger: BodyLedger?

    init(_ content: [UInt8], ledger: BodyLedger? = nil) {
        bytes = .allocate(capacity: content.count)
        _ = bytes.initialize(from: content)
        self.ledger = ledger
        ledger?.add(content.count)
    }

    deinit {
        ledger?.remove(bytes.count)
        bytes.deallocate()
    }

    var count: Int { bytes.count }
    var content: [UInt8] { Array(bytes) }
}

/// An answer in the form that libmicrohttpd sends, made once and queued for any number of clients.
final class HTTPResponse: @unchecked Sendable {
    // Unchecked, because a pointer is not Sendable; libmicrohttpd counts references to a response under its own lock.
    private let raw: OpaquePointer
    private let headers: [Answer.Header]
    let status: UInt32
    let body: Body

    /// nil when there is no memory for it.
    convenience init?(_ answer: Answer, ledger: BodyLedger? = nil) {
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

    /// The same with word to the client that this connection ends here. Shares the body.
    var closing: HTTPResponse? {
        HTTPResponse(status: status, headers: headers + [.init(name: "Connection", value: "close")], body: body)
    }

    func queue(on connection: OpaquePointer) -> MHD_Result { MHD_queue_response(connection, status, raw) }

    /// Answers with a stream that libmicrohttpd pulls from when its client takes more.
    static func queue(_ stream: StreamingAnswer, _ head: Answer, on connection: OpaquePointer) -> MHD_Result {
        let created = MHD_create_response_from_callback(
            UInt64.max,  // MHD_SIZE_UNKNOWN: chunks for HTTP/1.1, until the end of the connection for 1.0
            4_096,
            { context, _, buffer, size in
                guard let context, let buffer else { return -2 }  // MHD_CONTENT_READER_END_WITH_ERROR
                return Unmanaged<StreamingAnswer>.fromOpaque(context).takeUnretainedValue()
                    .pull(into: UnsafeMutableRawBufferPointer(start: buffer, count: size), at: Clock.monotonicMillis)
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
