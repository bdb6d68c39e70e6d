internal import ApiDocuments
internal import HTTPServing

extension Answer {
    /// The response of `/healthz`.
    static let health = Answer.fixed(Readiness.ok)

    /// The response for an error, with a document that names it.
    static func refused(_ error: HTTPError) -> Answer {
        .error(
            error,
            body: ErrorDocument.body(
                status: error.status.rawValue, name: error.status.name, message: error.message, lines: error.lines))
    }

    /// The response of `/readyz`.
    static func readiness(_ readiness: Readiness) -> Answer {
        .document(readiness.body, status: readiness.isReady ? 200 : 503)
    }
}

extension HTTPError {
    /// 400: says what was expected of a parameter.
    init(_ fault: QueryFault) { self.init(.badRequest, message: fault.description) }
}
