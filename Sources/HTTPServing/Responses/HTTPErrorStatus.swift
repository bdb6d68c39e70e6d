/// The status codes of errors.
package enum HTTPErrorStatus: UInt32, CaseIterable, Sendable {
    case badRequest = 400
    case unauthorized = 401
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case conflict = 409
    case contentTooLarge = 413
    case targetTooLong = 414
    case unsupportedMediaType = 415
    case tooManyRequests = 429
    case headersTooLarge = 431
    case serviceUnavailable = 503

    /// As xmrig-proxy spells them; the others in the same manner, after RFC 9110.
    package var name: String {
        switch self {
        case .badRequest: "BAD_REQUEST"
        case .unauthorized: "UNAUTHORIZED"
        case .forbidden: "FORBIDDEN"
        case .notFound: "NOT_FOUND"
        case .methodNotAllowed: "METHOD_NOT_ALLOWED"
        case .conflict: "CONFLICT"
        case .contentTooLarge: "CONTENT_TOO_LARGE"
        case .targetTooLong: "URI_TOO_LONG"
        case .unsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE"
        case .tooManyRequests: "TOO_MANY_REQUESTS"
        case .headersTooLarge: "REQUEST_HEADER_FIELDS_TOO_LARGE"
        case .serviceUnavailable: "SERVICE_UNAVAILABLE"
        }
    }
}
