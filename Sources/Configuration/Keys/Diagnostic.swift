/// A finding about the configuration: what is wrong, where, and what was expected.
///
/// Messages never contain the value of a password, token, user or URL, so they can go to any log.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
    public enum Severity: String, Sendable {
        /// The service runs, but not entirely as configured.
        case warning
        /// The configuration cannot be used.
        case error
    }

    public var severity: Severity
    /// The name of the file as given to `resolve`; nil when the cause is an option or not in a file.
    public var file: String?
    /// Counted from 1; nil when the finding concerns the whole file or no file.
    public var line: Int?
    /// Counted from 1 in Unicode scalars.
    public var column: Int?
    /// "retries: expected a number from 1 to 1000, found 0". Begins with the key or the option ("--retries").
    public var message: String

    public init(severity: Severity, file: String? = nil, line: Int? = nil, column: Int? = nil, message: String) {
        self.severity = severity
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// The format of compilers, which editors can parse: "config.json:12:5: error: retries: expected …".
    public var description: String { "\(place)\(severity.rawValue): \(message)" }

    /// The same without the severity, for a log with its own levels: "config.json:12:5: retries: expected …".
    public var logText: String { place + message }

    private var place: String {
        let parts = ([file] + [line, column].map { $0.map(String.init) }).compactMap(\.self)
        return parts.isEmpty ? "" : parts.joined(separator: ":") + ": "
    }
}

/// A position in a file; line and column are counted from 1, columns in Unicode scalars.
struct Position: Sendable, Equatable {
    var line = 1
    var column = 1
    /// The file: 0 is the one with the highest precedence, then those that it overrides.
    var file = 0
}

/// The source of a value.
enum Origin: Sendable, Equatable {
    case file(Position)
    /// The long name without dashes.
    case option(String)
    case nowhere
}

/// All findings about one configuration.
struct Findings {
    /// Findings of one severity. A file can have a hundred thousand unknown keys; more findings are not useful, and
    /// searching the nearest known name for each takes time.
    static let limitPerSeverity = 100

    let fileName: String?
    /// By `Position.file`, from 1.
    let lowerFileNames: [String]
    private(set) var warnings: [Diagnostic] = []
    private(set) var errors: [Diagnostic] = []

    init(fileName: String?, lowerFileNames: [String] = []) {
        self.fileName = fileName
        self.lowerFileNames = lowerFileNames
    }

    /// Whether further warnings are dropped.
    var areWarningsFull: Bool { warnings.count >= Findings.limitPerSeverity }

    /// - Parameter subject: the key as written by the operator: "http.port", "pools[0].url"; "" for none.
    mutating func warn(_ subject: String, at origin: Origin, _ text: String) {
        add(diagnostic(.warning, subject, origin, text), to: &warnings)
    }

    mutating func fail(_ subject: String, at origin: Origin, _ text: String) {
        add(diagnostic(.error, subject, origin, text), to: &errors)
    }

    private func add(_ diagnostic: Diagnostic, to list: inout [Diagnostic]) {
        if list.count < Findings.limitPerSeverity {
            list.append(diagnostic)
        } else if list.count == Findings.limitPerSeverity {
            list.append(
                Diagnostic(
                    severity: diagnostic.severity, file: fileName,
                    message: "more than \(Findings.limitPerSeverity) of these; the others are not shown"))
        }
    }

    private func diagnostic(
        _ severity: Diagnostic.Severity, _ subject: String, _ origin: Origin, _ text: String
    ) -> Diagnostic {
        let about = subject.isEmpty ? text : "\(subject): \(text)"
        switch origin {
        case .file(let position):
            return Diagnostic(
                severity: severity, file: position.file == 0 ? fileName : lowerFileNames[position.file - 1],
                line: position.line, column: position.column, message: about)
        case .option(let name):
            // Name the option instead of the key, which an operator who wrote "--http-port" may not know.
            return Diagnostic(severity: severity, message: "--\(name): \(text)")
        case .nowhere:
            return Diagnostic(severity: severity, file: fileName, message: about)
        }
    }
}

/// Quotes a text of the operator for a message: truncated, and without control characters that a terminal would obey.
func shown(_ text: String) -> String {
    let lengthMax = 40
    let clean = text.unicodeScalars.prefix(lengthMax).map { scalar in
        scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : Character(scalar)
    }
    return "\"" + String(clean) + (text.unicodeScalars.count > lengthMax ? "…\"" : "\"")
}
