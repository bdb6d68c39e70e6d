/// One document as clients get it: whole, or in few words when they have it already.
final class Document: Sendable {
    let whole: HTTPResponse
    /// nil for an answer that is no success: its client is to read it each time.
    private let unchanged: (tag: EntityTag, response: HTTPResponse)?

    /// nil when there is no memory for it.
    init?(_ answer: Answer, coding: ContentCoding, ledger: BodyLedger) {
        var answer = answer
        if answer.status == 200 {
            let tag = EntityTag(of: answer.body, coding: coding)
            guard let response = HTTPResponse(answer.notModified(tag: tag)) else { return nil }
            unchanged = (tag, response)
            answer.tag(tag)
        } else {
            unchanged = nil
        }
        switch coding {
        case .identity: break
        case .gzip: answer.headers.append(Answer.Header(name: "Content-Encoding", value: "gzip"))
        }
        guard let whole = HTTPResponse(answer, ledger: ledger) else { return nil }
        self.whole = whole
    }

    /// - Parameter known: the request's header `If-None-Match`.
    func response(known: String?) -> HTTPResponse {
        guard let unchanged, let known, unchanged.tag.isKnown(byHeader: known) else { return whole }
        return unchanged.response
    }
}

/// The same content in each form that a client can ask for, each made when it is first wanted.
struct Variants: Sendable {
    private let answer: Answer
    private var made: [ContentCoding: Document] = [:]

    init(_ answer: Answer) {
        self.answer = answer
    }

    /// Bytes of the bodies that are there.
    var bodyBytes: Int { made.values.reduce(0) { $0 + $1.whole.body.count } }

    /// nil when there is no memory for it.
    mutating func document(_ wanted: ContentCoding, ledger: BodyLedger, limits: GatewayLimits) -> Document? {
        if let document = made[wanted] { return document }
        switch wanted {
        case .identity:
            made[.identity] = Document(answer, coding: .identity, ledger: ledger)
        case .gzip:
            var packed = answer
            if answer.body.count >= limits.compressedBodyBytes, let body = ContentCoding.gzip(answer.body) {
                packed.body = body
                made[.gzip] = Document(packed, coding: .gzip, ledger: ledger)
            } else {
                made[.gzip] = document(.identity, ledger: ledger, limits: limits)
            }
        }
        return made[wanted]
    }
}
