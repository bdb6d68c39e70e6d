/// A configuration file as it was read from disk.
public struct ConfigurationFile: Codable, Sendable, Equatable {
    /// Relative to the current directory, or absolute; appears in messages as it is.
    public var path: String
    public var bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// A larger file is refused, so nobody needs to read more than one byte beyond this.
    public static let bytesMax = JSONReader.bytesMax
}

/// What came of a configuration.
public struct Resolution: Sendable, Equatable {
    /// nil exactly when there are errors.
    public var settings: Settings?
    /// In the order of the file, then of the options.
    public var warnings: [Diagnostic]
    /// All that is wrong, not only the first.
    public var errors: [Diagnostic]
    /// `Settings.runDirectory`, also when there are errors: a service may be running there whose file has been broken
    /// since. nil when the file cannot be read as an object.
    public var runDirectory: String?
}

/// Makes one validated value of file, options and surroundings.
///
/// Options win over the file, the file wins over the defaults; docs/CONFIG.md has the details.
/// - Parameters:
///   - file: nil when there is none: then the options have to name a pool.
///   - options: in the order of the command line.
///   - released: paths of values that the file decides although an option sets them.
public func resolve(
    file: ConfigurationFile?, options: [GivenOption] = [], released: Set<String> = [], surroundings: Surroundings
) -> Resolution {
    guard let file else { return resolve(JSONObject(), FilePlace(), options, released, surroundings) }
    let place = FilePlace(shownName: file.path, path: file.path)
    switch rootObject(of: file.bytes, shownName: file.path) {
    case .success(let root): return resolve(root, place, options, released, surroundings)
    case .failure(let refusal): return Resolution(settings: nil, warnings: [], errors: [refusal.diagnostic])
    }
}

/// Which file a configuration is, or will be.
struct FilePlace {
    /// As diagnostics name it: they tell lines of what was read, which may be the text that a client has sent.
    var shownName: String?
    /// Relative paths count from its directory.
    var path: String?
}

struct NoObject: Error {
    var diagnostic: Diagnostic
}

/// The one object that a configuration is.
func rootObject(of bytes: [UInt8], shownName: String?) -> Result<JSONObject, NoObject> {
    var findings = Findings(fileName: shownName)
    do throws(JSONReader.SyntaxError) {
        let node = try JSONReader.read(bytes)
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
    var findings = Findings(fileName: place.shownName)
    let overlay = OptionOverlay(options, &findings)
    let fileDirectory = place.path.map { directory(of: absolute($0, from: surroundings.currentDirectory)) }
    var interpretation = Interpretation(
        fileDirectory: fileDirectory ?? surroundings.currentDirectory, surroundings: surroundings,
        dataDirectory: dataDirectory(options, surroundings), findings: findings)
    interpretation.read(root.overlaid(with: overlay.object.without(released)))
    let errors = inOrderOfTheFile(interpretation.findings.errors)
    return Resolution(
        settings: errors.isEmpty ? interpretation.settings : nil,
        warnings: inOrderOfTheFile(interpretation.findings.warnings), errors: errors,
        runDirectory: interpretation.settings.runDirectory)
}

private func inOrderOfTheFile(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
    // Stable: findings without a line come last, as they were found.
    diagnostics.enumerated().sorted { left, right in
        (left.element.line ?? .max, left.element.column ?? .max, left.offset)
            < (right.element.line ?? .max, right.element.column ?? .max, right.offset)
    }.map(\.element)
}

/// Which configuration file to read.
public enum FileChoice: Sendable, Equatable {
    /// None: the options name a pool, and nobody asked for a file.
    case none
    /// This one; that it cannot be read is an error.
    case exactly(String)
    /// The first of these that exists; it is an error when none does.
    case firstOf([String])
}

/// Decides by the options which file to read (behaviour.md §17; docs/CONFIG.md has the list of places).
public func fileChoice(options: [GivenOption], surroundings: Surroundings) -> FileChoice {
    if let path = options.last(where: { $0.name == "config" })?.value { return .exactly(path) }
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
