/// A body in one coding, as clients get it: whole, or 304 if they have it (RFC 9110, section 3.2).
package final class Representation: Sendable {
    package let whole: HTTPResponse
    /// nil for a response that is not 200: its client must read it each time.
    private let unchanged: (tag: EntityTag, response: HTTPResponse)?

    /// nil if there is no memory for it.
    init?(_ answer: Answer, coding: ContentCoding, ledger: BodyLedger) {
        var answer = answer
        if answer.status == 200 {
            let tag = EntityTag(of: answer.body, coding: coding)
            guard let response = HTTPResponse(answer.notModified(tag: tag)) else { return nil }
            unchanged = (tag, response)
            answer.addTag(tag)
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
