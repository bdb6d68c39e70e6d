/// Names the content of one body, as the header `ETag` shows it (RFC 9110, section 8.8.3): the same tag means the same
/// bytes.
struct EntityTag: Equatable, Sendable {
    /// With its quotes.
    let text: String

    /// The hash is Swift's own, whose key is new in each process: nobody can make two bodies that share a tag. (So a
    /// restart of the gateway costs each client one full answer.)
    init(of body: [UInt8], coding: ContentCoding) {
        var hasher = Hasher()
        body.withUnsafeBytes { hasher.combine(bytes: $0) }
        let hash = UInt64(UInt(bitPattern: hasher.finalize()))
        let digits = String(hash, radix: 16)
        text =
            switch coding {
            case .identity: "\"\(digits)\""
            case .gzip: "\"\(digits)-gzip\""
            }
    }

    /// Whether a client that sends this `If-None-Match` has the content already.
    func isKnown(byHeader header: String) -> Bool {
        header.split(separator: ",").contains { candidate in
            var candidate = candidate.drop { $0 == " " || $0 == "\t" }
            while candidate.last == " " || candidate.last == "\t" { candidate.removeLast() }
            // Proxies that compress by themselves make tags weak; the comparison for reading is the weak one.
            if candidate.hasPrefix("W/") { candidate = candidate.dropFirst(2) }
            return candidate == "*" || candidate == text
        }
    }
}
