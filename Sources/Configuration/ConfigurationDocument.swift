/// The configuration as clients of the API see it and send it: JSON in the shape of the file, with the options of the
/// command line laid over it and without its secrets.
public struct ConfigurationDocument: Sendable {
    private let file: ConfigurationFile?
    private let options: [GivenOption]
    private let surroundings: Surroundings
    /// What the file says.
    private let own: JSONObject

    /// - Parameter file: one that `resolve` has accepted; nil when there is none.
    public init(file: ConfigurationFile?, options: [GivenOption], surroundings: Surroundings) {
        self.file = file
        self.options = options
        self.surroundings = surroundings
        own = file.flatMap { try? rootObject(of: $0).get() } ?? JSONObject()
    }

    /// All keys of the file, unknown ones too, with the options' values, `***` in the place of secrets. Comments are not
    /// part of it.
    public var text: String { JSONText.of(Redaction.redacted(merged)) }

    /// What becomes of a document that somebody sends.
    public enum Reception: Sendable, Equatable {
        /// It says what is in force already.
        case unchanged
        /// It can be used: what it comes to, and the text that says so as a file.
        case accepted(Settings, warnings: [Diagnostic], fileText: String)
        /// Nothing about it may be used. Lines are those of the document.
        case refused([Diagnostic])
    }

    /// Judges a document by the rules of a file. `***` in the place of a secret stands for the secret that is there. A
    /// value that an option of the command line decides must stay as it is: a file cannot change it.
    public func receive(_ bytes: [UInt8]) -> Reception {
        let name = "document"
        var findings = Findings(fileName: name)
        var root: JSONObject
        switch rootObject(of: bytes, shownName: name) {
        case .success(let object): root = object
        case .failure(let refusal): return .refused([refusal.diagnostic])
        }
        root = withoutOptions(root, shown: Redaction.redacted(merged), overlay, own, name: "", &findings)
        root = Redaction.restored(root, from: own, &findings)
        guard findings.errors.isEmpty else { return .refused(findings.errors) }
        if JSONValue.object(root).isSame(as: .object(own)) { return .unchanged }
        let resolution = resolve(root, FilePlace(of: file, shownName: name), options, surroundings)
        guard let settings = resolution.settings else { return .refused(resolution.errors) }
        let text = JSONText.of(root)
        guard text.utf8.count <= ConfigurationFile.bytesMax else {
            findings.fail("", at: .nowhere, "the file would be larger than \(ConfigurationFile.bytesMax / 1024) KiB")
            return .refused(findings.errors)
        }
        return .accepted(settings, warnings: resolution.warnings, fileText: text)
    }

    private var overlay: JSONObject {
        var ignored = Findings(fileName: nil)
        return OptionOverlay(options, &ignored).object
    }

    private var merged: JSONObject { own.overlaid(with: overlay) }

    /// Gives every value that an option decides back to the file: what the file said of it, or nothing.
    /// - Parameter shown: what we have served.
    private func withoutOptions(
        _ object: JSONObject, shown: JSONObject, _ overlay: JSONObject, _ own: JSONObject, name: String,
        _ findings: inout Findings
    ) -> JSONObject {
        var result = object
        for option in overlay.members {
            guard let index = result.members.firstIndex(where: { $0.key == option.key }) else { continue }
            let key = name.isEmpty ? option.key : name + "." + option.key
            let node = result.members[index].node
            if let above = option.node.object, let inner = node.object {
                let rest = withoutOptions(
                    inner, shown: shown[option.key]?.object ?? JSONObject(), above,
                    own[option.key]?.object ?? JSONObject(), name: key, &findings)
                // The object was not in the file, and all that is in it comes from options.
                if rest.members.isEmpty, own[option.key] == nil {
                    result.members.remove(at: index)
                } else {
                    result.members[index].node.value = .object(rest)
                }
            } else if node.value.isSame(as: shown[option.key]?.value ?? .null) {
                if let before = own.members.first(where: { $0.key == option.key }) {
                    result.members[index] = before
                } else {
                    result.members.remove(at: index)
                }
            } else if case .option(let given) = option.node.origin {
                findings.fail(
                    key, at: node.origin,
                    "is decided by the option --\(given) of the running service, which wins over the file; "
                        + "leave it as it is, or start the service without the option")
            }
        }
        return result
    }
}
