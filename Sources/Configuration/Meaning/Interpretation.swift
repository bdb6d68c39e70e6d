/// Reads a checked configuration into `Settings`. Rules about values that the table of keys cannot express are here and
/// in the extensions (`Interpretation+Pools`, `+Miners`, `+TLS`, `+API`, `+Millrace`).
struct Interpretation {
    var settings = Settings()
    var findings: Findings
    let surroundings: Surroundings
    /// Whether the program only checks its configuration and exits.
    private(set) var isDryRun = false
    /// The directories against which relative paths of a file are resolved, by `Position.file`.
    let fileDirectories: [String]
    private let expansion: Expansion

    init(fileDirectories: [String], surroundings: Surroundings, dataDirectory: String, findings: Findings) {
        self.fileDirectories = fileDirectories
        self.surroundings = surroundings
        self.findings = findings
        expansion = Expansion(surroundings: surroundings, dataDirectory: dataDirectory)
    }

    mutating func read(_ object: JSONObject) {
        let root = Section(object, path: "", schema: "", &findings)
        readPools(root)
        readAPI(root)
        readLogging(root)
        readMode(root)
        readMillrace(root.section("millrace", &findings))
        // A generated certificate is beside the database, and miners' addresses can require TLS.
        readTLS(root)
        readMiners(root)
    }

    private mutating func readLogging(_ root: Section) {
        settings.logFile = path("log-file", in: root)
        settings.usesSyslog = root.boolean("syslog") ?? false
        let verbosity = root.integer("verbose").map { $0 > 0 } ?? root.boolean("verbose") ?? false
        settings.isVerbose = verbosity || root.boolean("debug") ?? false
        settings.usesColors = root.boolean("colors") ?? true
        readPrintTime(root)
        settings.watchesFile = root.boolean("watch") ?? true
        settings.savesDocument = root.boolean("autosave") ?? true
        isDryRun = root.boolean("dry-run") ?? false
        if isDryRun {
            findings.warn(
                "dry-run", at: root.origin(of: "dry-run"),
                "with this key, the program only checks the configuration and exits, as with --dry-run")
        }
    }

    private mutating func readPrintTime(_ root: Section) {
        guard let seconds = root.integer("print-time") else { return }
        let range = 0...Int64(Settings.printSecondsMax)
        if seconds >= range.lowerBound { settings.printSeconds = Int(min(seconds, range.upperBound)) }
        guard !range.contains(seconds) else { return }
        let used = seconds < range.lowerBound ? "the default" : "\(range.upperBound)"
        findings.warn(
            "print-time", at: root.origin(of: "print-time"),
            "expected a number from 0 to \(range.upperBound), found \(seconds); \(used) is used, as in xmrig-proxy")
    }

    /// The path at `key`, expanded and absolute. Paths in a file are relative to the file's directory, paths of options
    /// to the current directory.
    mutating func path(_ key: String, in section: Section) -> String? {
        expanded(key, in: section).map { text in
            switch section.origin(of: key) {
            case .file(let position): absolute(text, from: fileDirectories[position.file])
            case .option, .nowhere: absolute(text, from: surroundings.currentDirectory)
            }
        }
    }

    /// The text at `key` with its `${VARIABLES}` replaced; nil when it is missing or empty.
    mutating func expanded(_ key: String, in section: Section) -> String? {
        guard let text = section.text(key) else { return nil }
        let result = expansion.expand(text)
        for name in result.unset {
            findings.warn(
                section.name(of: key), at: section.origin(of: key),
                "the environment variable \(shown(name)) is not set and not replaced")
        }
        if let problem = Section.problem(of: result.text) {
            findings.fail(
                section.name(of: key), at: section.origin(of: key), problem + " (after replacing its variables)")
            return nil
        }
        return result.text.isEmpty ? nil : result.text
    }

    /// The text at a key in which xmrig-proxy replaces no variables. A variable in it causes a warning: "${TOKEN}"
    /// would be a token that is easy to guess.
    mutating func literal(_ key: String, in section: Section) -> String? {
        guard let text = section.text(key) else { return nil }
        if Expansion.holdsVariable(text) {
            findings.warn(
                section.name(of: key), at: section.origin(of: key),
                "environment variables are not replaced in this key; the text is used literally")
        }
        return text
    }

    /// One of the words of `type` in any case. Another word is an error or a warning that lists them.
    mutating func choice<Value: CaseIterable & RawRepresentable<String>>(
        _ key: String, in section: Section, as type: Value.Type, isStrict: Bool = true
    ) -> Value? {
        guard let text = section.text(key) else { return nil }
        if let value = Value(rawValue: text.lowercased()) { return value }
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        let problem = "expected one of \(words), found \(shown(text))"
        if isStrict {
            findings.fail(section.name(of: key), at: section.origin(of: key), problem)
        } else {
            let used = "; the default is used, as in xmrig-proxy"
            findings.warn(section.name(of: key), at: section.origin(of: key), problem + used)
        }
        return nil
    }
}
