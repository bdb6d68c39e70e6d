internal import CMicrohttpd

/// A complete request. Valid during `RequestResponder.respond`.
package struct Request {
    /// What follows the `?` of the target, as received; empty if there is none.
    package let query: String
    /// The collected body; empty if `RequestResponder.bodyBytesMax` is nil.
    package let body: [UInt8]
    private let connection: OpaquePointer

    init(query: String, body: [UInt8], connection: OpaquePointer) {
        self.query = query
        self.body = body
        self.connection = connection
    }

    /// The coding to answer in, by the header `Accept-Encoding`.
    package var acceptedCoding: ContentCoding { ContentCoding(acceptedBy: connection.header("Accept-Encoding")) }

    /// For a response that takes time: hand it to the work, and return it in `Reply.pending`.
    package func pendingResponse() -> PendingResponse { PendingResponse(connection: connection) }
}

extension OpaquePointer {
    /// The value of a header of the request that this connection of libmicrohttpd is at; nil if absent.
    func header(_ name: StaticString) -> String? {
        let name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        return MHD_lookup_connection_value(self, .HEADER_KIND, name).map { String(cString: $0) }
    }
}
