/// A configuration file as read from disk.
public struct ConfigurationFile: Codable, Sendable, Equatable {
    /// Relative to the current directory, or absolute; messages show it unchanged.
    public var path: String
    public var bytes: [UInt8]
    /// The files named before it, the nearest last; its values override theirs. nil = none.
    public var below: [ConfigurationFile]?

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// A larger file is refused, so a reader needs to read at most one byte more.
    public static let bytesMax = JSONReader.bytesMax
}

/// The result of reading a configuration.
public struct Resolution: Sendable, Equatable {
    /// nil if and only if there are errors.
    public var settings: Settings?
    /// In the order of the file, then of the options.
    public var warnings: [Diagnostic]
    /// All errors, not only the first.
    public var errors: [Diagnostic]
    /// `Settings.runDirectory`, also when there are errors: a service can be running there, although its file has
    /// become invalid. nil when the file cannot be read as an object.
    public var runDirectory: String?
    /// Whether the program only checks the configuration and exits (`"dry-run": true`).
    public var isDryRun = false
}

/// Combines file, options and surroundings into validated settings.
///
/// Options override the file, the file overrides the defaults; docs/CONFIG.md has the details.
/// - Parameters:
///   - file: nil when there is none; the options must then name a pool.
///   - options: in the order of the command line.
///   - released: paths of values that the file decides although an option sets them.
public func resolve(
    file: ConfigurationFile?, options: [GivenOption] = [], released: Set<String> = [], surroundings: Surroundings
) -> Resolution {
    guard let file else { return resolve(JSONObject(), FilePlace(), options, released, surroundings) }
    switch rootObject(of: file) {
    case .success(let root):
        return resolve(root, FilePlace(of: file, shownName: file.path), options, released, surroundings)
    case .failure(let refusal): return Resolution(settings: nil, warnings: [], errors: [refusal.diagnostic])
    }
}

/// The names and paths of a configuration's files.
struct FilePlace {
    /// The name in diagnostics. Their line numbers refer to the text that was read, which can be a client's document.
    var shownName: String?
    /// Relative paths are resolved against its directory.
    var path: String?
    /// The files below it, by `Position.file` from 1.
    var lowerPaths: [String] = []

    init() {}

    init(of file: ConfigurationFile?, shownName: String) {
        self.shownName = shownName
        path = file?.path
        lowerPaths = file?.below?.map(\.path) ?? []
    }
}

struct NoObject: Error {
    var diagnostic: Diagnostic
}

/// Merges a file and those below it into one object.
func rootObject(of file: ConfigurationFile) -> Result<JSONObject, NoObject> {
    var merged = JSONObject()
    for (index, lower) in (file.below ?? []).enumerated() {
        switch rootObject(of: lower.bytes, shownName: lower.path, file: index + 1) {
        case .success(let object): merged = merged.overlaid(with: object)
        case .failure(let refusal): return .failure(refusal)
        }
    }
    return rootObject(of: file.bytes, shownName: file.path).map { merged.overlaid(with: $0) }
}

/// Parses a text whose root must be an object.
func rootObject(of bytes: [UInt8], shownName: String, file: Int = 0) -> Result<JSONObject, NoObject> {
    var findings = Findings(fileName: shownName, lowerFileNames: Array(repeating: shownName, count: file))
    do throws(JSONReader.SyntaxError) {
        let node = try JSONReader.read(bytes, file: file)
        if case .object(let object) = node.value { return .success(object) }
        findings.fail("", at: node.origin, "expected an object ('{'), found \(node.value.kindName)")
    } catch {
        findings.fail("", at: .file(error.position), error.message)
    }
    return .failure(NoObject(diagnostic: findings.errors[0]))
}

func resolve(
    _ root: JSONObject, _ place: FilePlace, _ options: [GivenOption], _ released: Set<String>,
    _ surroundings: Surroundings
) -> Resolution {
    var findings = Findings(fileName: place.shownName, lowerFileNames: place.lowerPaths)
    let overlay = OptionOverlay(options, &findings)
    let directories = ([place.path] + place.lowerPaths).map { path in
        path.map { directory(of: absolute($0, from: surroundings.currentDirectory)) } ?? surroundings.currentDirectory
    }
    var interpretation = Interpretation(
        fileDirectories: directories, surroundings: surroundings,
        dataDirectory: dataDirectory(options, surroundings), findings: findings)
    interpretation.read(root.overlaid(with: overlay.object.without(released)))
    let errors = inOrderOfTheFile(interpretation.findings.errors)
    return Resolution(
        settings: errors.isEmpty ? interpretation.settings : nil,
        warnings: inOrderOfTheFile(interpretation.findings.warnings), errors: errors,
        runDirectory: interpretation.settings.runDirectory, isDryRun: interpretation.isDryRun)
}

private func inOrderOfTheFile(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
    // Stable: findings without a line come last in their original order. Findings of one file stay together.
    let files = diagnostics.filter { $0.line != nil }.map(\.file)
    func key(_ item: (offset: Int, element: Diagnostic)) -> (Int, Int, Int, Int) {
        guard let line = item.element.line else { return (.max, .max, .max, item.offset) }
        let file = files.firstIndex(of: item.element.file) ?? .max
        return (file, line, item.element.column ?? .max, item.offset)
    }
    return diagnostics.enumerated().sorted { key($0) < key($1) }.map(\.element)
}

/// The configuration file to read.
public enum FileChoice: Sendable, Equatable {
    /// None: the options name a pool and no file was requested.
    case none
    /// These files, at least one; each overrides those before it. A file that cannot be read is an error.
    case exactly([String])
    /// The first of these that exists; an error when none does.
    case firstOf([String])
}

/// Selects the file to read from the options (docs/CONFIG.md, "Where the file is looked for").
public func fileChoice(options: [GivenOption], surroundings: Surroundings) -> FileChoice {
    let named = options.filter { $0.name == "config" }.compactMap(\.value)
    if !named.isEmpty { return .exactly(named) }
    if options.contains(where: { $0.name == "url" }) { return .none }
    var paths = [
        dataDirectory(options, surroundings) + "/config.json",
        surroundings.currentDirectory + "/config.json",
    ]
    if let directory = surroundings.directoryVariable("XDG_CONFIG_HOME") {
        paths.append(directory + "/millrace/config.json")
    } else if let home = surroundings.homeDirectory {
        paths.append(home + "/.config/millrace/config.json")
    }
    if let home = surroundings.homeDirectory {
        paths += [home + "/.xmrig-proxy.json", home + "/.config/xmrig-proxy.json"]
    }
    paths.append("/etc/millrace/config.json")
    var unique: [String] = []
    for path in paths.map({ absolute($0, from: "/") }) where !unique.contains(path) { unique.append(path) }
    return .firstOf(unique)
}

private func dataDirectory(_ options: [GivenOption], _ surroundings: Surroundings) -> String {
    options.last { $0.name == "data-dir" }?.value.map { absolute($0, from: surroundings.currentDirectory) }
        ?? surroundings.executableDirectory
}
