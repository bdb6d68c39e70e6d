/// A protocol violation by a peer that ends its connection. (A request that is only refused is answered instead.)
public enum PeerFault: Error, Equatable, Sendable {
    case lineTooLong(limit: Int)
    /// Shorter than the 32 bytes of the shortest request, or not an object (docs/COMPATIBILITY.md, "Framing").
    case notARequest
    /// Not one valid JSON document.
    case invalidJSON
    /// `id` is a string longer than `RequestID.textBytesMax`.
    case badRequestID
    /// `method` is missing or not a string.
    case badMethod
    /// `params` is missing or not an object.
    case badParams
    /// A field of `params` has the wrong type or length.
    case badField(String)

    /// The text for log lines.
    public var text: String {
        switch self {
        case .lineTooLong(let limit): "a line longer than \(limit) bytes"
        case .notARequest: "a line that is not a request"
        case .invalidJSON: "a line that is not JSON"
        case .badRequestID: "an \"id\" longer than \(RequestID.textBytesMax) bytes"
        case .badMethod: "a request whose \"method\" is missing or not a string"
        case .badParams: "a request whose \"params\" are missing or not an object"
        case .badField(let name): "\"\(name)\" is missing or malformed"
        }
    }
}
