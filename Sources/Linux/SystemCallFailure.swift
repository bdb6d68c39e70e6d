internal import Glibc

/// A call that the kernel refused.
public struct SystemCallFailure: Error, Equatable, CustomStringConvertible {
    /// What was tried, as a noun or a verb: "map", "take descriptors".
    public let attempt: String
    /// errno
    public let code: Int32

    public init(_ attempt: String, code: Int32) {
        self.attempt = attempt
        self.code = code
    }

    public var description: String { "\(attempt): \(String(cString: strerror(code)))" }
}
