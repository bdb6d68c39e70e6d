internal import CZlib

/// The coding of a body (RFC 9110, section 8.4).
package enum ContentCoding: Int, CaseIterable, Sendable {
    case identity
    case gzip

    /// The best coding that a client accepts, by its header `Accept-Encoding` (RFC 9110, section 12.5.3).
    ///
    /// A client that refuses even the plain form gets it nevertheless, which the RFC permits.
    package init(acceptedBy header: String?) {
        guard let header else {
            self = .identity
            return
        }
        var (gzip, identity, any): (Double?, Double?, Double?) = (nil, nil, nil)
        for item in header.lowercased().split(separator: ",") {
            let parts = item.split(separator: ";", omittingEmptySubsequences: false).map { part in
                String(part.filter { $0 != " " && $0 != "\t" })
            }
            guard let name = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            switch name {
            case "gzip", "x-gzip": gzip = weight
            case "identity": identity = weight
            case "*": any = weight
            default: break
            }
        }
        let gzipWeight = gzip ?? any ?? 0
        // A plain form that is not named is liked less than what is named.
        self = gzipWeight > 0 && gzipWeight >= (identity ?? 0) ? .gzip : .identity
    }

    /// The body as gzip (RFC 1952); nil if it does not get shorter, or there is no memory for it.
    static func gzip(_ body: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard czlib_start_gzip(&stream, HTTPLimits.gzipLevel) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        var input = body
        let packed = [UInt8](unsafeUninitializedCapacity: body.count) { output, count in
            input.withUnsafeMutableBufferPointer { input in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(clamping: input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(clamping: output.count)
                // Z_STREAM_END: all input was read, and all output fits in the length of the plain body.
                count = deflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : 0
            }
        }
        return packed.isEmpty ? nil : packed
    }

    /// The version of zlib, such as "1.2.13".
    package static var zlibVersion: String { String(cString: CZlib.zlibVersion()) }
}
