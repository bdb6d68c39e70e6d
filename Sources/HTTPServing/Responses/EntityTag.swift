/// The validator of a body, as the header `ETag` shows it (RFC 9110, section 8.8.3): equal tags mean equal bytes.
struct EntityTag: Equatable, Sendable {
    /// With its quotes.
    let text: String

    /// The hash is Swift's own, whose key differs in each process: a client cannot make two bodies with the same tag.
    /// After a restart of the gateway each client gets one full response.
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

    /// Whether a client that sends this `If-None-Match` has the body.
    func isKnown(byHeader header: String) -> Bool {
        header.split(separator: ",").contains { candidate in
            var candidate = candidate.drop { $0 == " " || $0 == "\t" }
            while candidate.last == " " || candidate.last == "\t" { candidate.removeLast() }
            // Proxies that compress make tags weak; for GET the comparison is the weak one.
            if candidate.hasPrefix("W/") { candidate = candidate.dropFirst(2) }
            return candidate == "*" || candidate == text
        }
    }
}
