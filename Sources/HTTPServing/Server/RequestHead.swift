package import Addresses

/// The first line of a request, and the headers that decide about it.
package struct RequestHead {
    /// As received.
    package var method: String
    /// As received, percent-encoded, without the query.
    package var path: String
    /// The bytes of the header `Authorization`, valid during the call; nil if absent.
    package var authorization: UnsafeRawBufferPointer?
    /// The header `Content-Type`.
    package var contentType: String?
    /// The header `Host`.
    package var host: String?
    /// The address of the client; nil if unknown. Without an address wrong tokens are counted but not limited.
    package var client: Network?
    /// When the head was complete, in monotonic milliseconds.
    package var time: Int64

    package init(
        method: String, path: String, authorization: UnsafeRawBufferPointer? = nil, contentType: String? = nil,
        host: String? = nil, client: Network? = nil, time: Int64 = 0
    ) {
        self.method = method
        self.path = path
        self.authorization = authorization
        self.contentType = contentType
        self.host = host
        self.client = client
        self.time = time
    }

    /// Whether the body is `application/json`. Parameters after `;` are ignored: JSON is UTF-8 (RFC 8259).
    package var isJSON: Bool {
        guard let type = contentType?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first else {
            return false
        }
        var name = Array(type.utf8)
        while let last = name.last, last == 0x20 || last == 0x09 { name.removeLast() }
        return String(decoding: name, as: UTF8.self).lowercased() == "application/json"
    }
}
