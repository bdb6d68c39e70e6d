/// Why a request is refused: the status, and what its client is told.
package struct HTTPError: Error, Hashable, Sendable {
    package var status: HTTPErrorStatus
    /// What was expected, or what prevents it: a sentence for a person. Never repeats what the client has sent.
    package var message: String?
    /// Details, line by line.
    package var lines: [String] = []
    /// The header `Allow`, for 405 only; nil = `HTTPError.readingMethods`.
    package var allowedMethods: String?

    /// The methods of a resource that can only be read.
    package static let readingMethods = "GET, HEAD, OPTIONS"

    package init(_ status: HTTPErrorStatus, message: String? = nil, lines: [String] = []) {
        self.status = status
        self.message = message
        self.lines = lines
    }

    /// 405.
    /// - Parameter methods: the methods that are allowed, such as "OPTIONS, POST".
    package init(allowing methods: String) {
        self.init(.methodNotAllowed)
        allowedMethods = methods
    }

    /// The headers that the status requires.
    var headers: [Answer.Header] {
        switch status {
        case .unauthorized: [Answer.Header(name: "WWW-Authenticate", value: "Bearer")]
        case .methodNotAllowed: [Answer.Header(name: "Allow", value: allowedMethods ?? HTTPError.readingMethods)]
        // After that another attempt is earned (`TokenGuesses`).
        case .tooManyRequests: [Answer.Header(name: "Retry-After", value: "2")]
        // Seconds. The oldest response in the way is given up within a minute, most far sooner.
        case .serviceUnavailable: [Answer.Header(name: "Retry-After", value: "5")]
        case .badRequest, .forbidden, .notFound, .conflict, .contentTooLarge, .targetTooLong,
            .unsupportedMediaType, .headersTooLarge:
            []
        }
    }
}
