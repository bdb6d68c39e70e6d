/// The methods that the server knows.
package enum HTTPMethod: Sendable {
    /// Also `HEAD`: the server leaves out the body.
    case get
    case post, put, delete, options

    /// nil for any other method. Methods are case-sensitive (RFC 9110, section 9.1).
    package init?(_ name: String) {
        switch name {
        case "GET", "HEAD": self = .get
        case "POST": self = .post
        case "PUT": self = .put
        case "DELETE": self = .delete
        case "OPTIONS": self = .options
        default: return nil
        }
    }
}
