/// Something that an operator should know about the files and settings of TLS.
public struct Finding: Equatable, Sendable {
    public enum Severity: Sendable {
        /// TLS cannot be used with these files or settings.
        case error
        /// TLS is used, but not in the way that the settings ask for, or not safely.
        case warning
    }

    public let severity: Severity
    /// Says what was expected and what was found. Contains paths and names, never the content of a key.
    public let text: String

    static func error(_ text: String) -> Finding { Finding(severity: .error, text: text) }
    static func warning(_ text: String) -> Finding { Finding(severity: .warning, text: text) }
}

/// A context could not be made.
public struct ContextFailure: Error, Equatable {
    /// At least one of them is an error.
    public let findings: [Finding]

    init(_ findings: [Finding]) { self.findings = findings }
    init(_ text: String) { findings = [.error(text)] }
}
