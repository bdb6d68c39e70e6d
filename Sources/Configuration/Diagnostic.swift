/// Something to tell the operator about the configuration: what is wrong, where, and what was expected instead.
///
/// Messages never hold the value of a password, token, user or URL, so that they may go to any log.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
    public enum Severity: String, Sendable {
        /// The service runs, but not quite as the configuration says.
        case warning
        /// The configuration cannot be used.
        case error
    }

    public var severity: Severity
    /// The name of the file as it was given to `resolve`; nil when the cause is an option, or nothing at all.
    public var file: String?
    /// Counted from 1; nil when the finding is about the file as a whole, or not about a file.
    public var line: Int?
    /// Counted from 1 in Unicode scalars.
    public var column: Int?
    /// "retries: expected a number from 1 to 1000, found 0"; begins with the key, or with the option ("--retries").
    public var message: String

    public init(severity: Severity, file: String? = nil, line: Int? = nil, column: Int? = nil, message: String) {
        self.severity = severity
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// The form of compilers, which editors can jump to: "config.json:12:5: error: retries: expected …".
    public var description: String { "\(place)\(severity.rawValue): \(message)" }

    /// The same for a log, which has levels of its own: "config.json:12:5: retries: expected …".
    public var logText: String { place + message }

    private var place: String {
        let parts = ([file] + [line, column].map { $0.map(String.init) }).compactMap(\.self)
        return parts.isEmpty ? "" : parts.joined(separator: ":") + ": "
    }
}

/// A place in a file, both counted from 1; columns in Unicode scalars.
struct Position: Sendable, Equatable {
    var line = 1
    var column = 1
    /// Which file: 0 is the one that counts most, then those that it is laid over.
    var file = 0
}

/// Where a value came from.
enum Origin: Sendable, Equatable {
    case file(Position)
    /// The long name without its dashes.
    case option(String)
    case nowhere
}

/// All that was found while reading one configuration.
struct Findings {
    /// A file may hold a hundred thousand unknown keys; nobody reads more than this of either severity, and finding
    /// the nearest known name for each would take its time.
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

    /// Whether another warning would not be shown.
    var areWarningsFull: Bool { warnings.count >= Findings.limitPerSeverity }

    /// - Parameter subject: the key as the operator would write it: "http.port", "pools[0].url"; "" for none.
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
            // The option stands for its key: who wrote "--http-port" need not know where that goes.
            return Diagnostic(severity: severity, message: "--\(name): \(text)")
        case .nowhere:
            return Diagnostic(severity: severity, file: fileName, message: about)
        }
    }
}

/// Text of the operator's fit for a message: short, and nothing in it that a terminal would obey.
func shown(_ text: String) -> String {
    let lengthMax = 40
    let clean = text.unicodeScalars.prefix(lengthMax).map { scalar in
        scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : Character(scalar)
    }
    return "\"" + String(clean) + (text.unicodeScalars.count > lengthMax ? "…\"" : "\"")
}
