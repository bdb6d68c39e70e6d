/// The configuration as the API's clients read and send it: JSON in the form of the file, complete, without secrets.
public struct ConfigurationDocument: Sendable {
    private let options: [GivenOption]
    private let released: Set<String>
    private let surroundings: Surroundings
    /// The file that stores the document and the files that it includes; relative paths are resolved against their
    /// directories.
    private let place: FilePlace
    /// The content of the file.
    private let own: JSONObject
    /// The values set by options.
    private let overlay: JSONObject

    /// - Parameters:
    ///   - file: one that `resolve` has accepted; nil when there is none yet.
    ///   - released: options whose values a document has replaced.
    ///   - path: the path of the file to create when there is none yet.
    public init(
        file: ConfigurationFile?, options: [GivenOption], released: Set<String> = [], path: String? = nil,
        surroundings: Surroundings
    ) {
        self.options = options
        self.released = released
        self.surroundings = surroundings
        var place = FilePlace(of: file, shownName: ConfigurationDocument.name)
        place.path = file?.path ?? path
        self.place = place
        own = file.flatMap { try? rootObject(of: $0).get() } ?? JSONObject()
        var ignored = Findings(fileName: nil)
        overlay = OptionOverlay(options, &ignored).object.without(released)
    }

    /// Every key with its value in force, including unknown keys of the file; secrets are shown as `***`. Comments are
    /// not included.
    public var text: String { JSONText.of(shown) }

    /// The result of receiving a document from a client.
    public enum Reception: Sendable, Equatable {
        /// It equals the configuration in force.
        case unchanged
        /// It is valid: the settings and the new content of the file.
        case accepted(Settings, warnings: [Diagnostic], fileText: String, released: Set<String>)
        /// It is invalid and has no effect. Line numbers refer to the document.
        case refused([Diagnostic])
    }

    /// Checks a document by the rules of a file. `***` in place of a secret keeps the secret. Values equal to those in
    /// `text` are not changes, so defaults and values of options are not written to the file.
    public func receive(_ bytes: [UInt8]) -> Reception {
        let name = ConfigurationDocument.name
        let sent: JSONObject
        switch rootObject(of: bytes, shownName: name) {
        case .success(let object): sent = object
        case .failure(let refusal): return .refused([refusal.diagnostic])
        }
        let shown = shown
        if JSONValue.object(sent).isSame(as: .object(shown)) { return .unchanged }
        var edit = DocumentEdit(findings: Findings(fileName: name))
        let root = edit.apply(sent, shown: shown, own: own, overlay: overlay)
        guard edit.findings.errors.isEmpty else { return .refused(edit.findings.errors) }
        if JSONValue.object(root).isSame(as: .object(own)), edit.released.isEmpty { return .unchanged }
        let released = released.union(edit.released)
        let resolution = resolve(root, place, options, released, surroundings)
        guard let settings = resolution.settings else { return .refused(resolution.errors) }
        let text = JSONText.of(root)
        guard text.utf8.count <= ConfigurationFile.bytesMax else {
            var findings = Findings(fileName: name)
            findings.fail(
                "", at: .nowhere, "the file would become larger than \(ConfigurationFile.bytesMax / 1024) KiB")
            return .refused(findings.errors)
        }
        return .accepted(
            settings, warnings: edit.findings.warnings + resolution.warnings, fileText: text, released: released)
    }

    /// The name of the document in findings.
    private static let name = "document"

    private var shown: JSONObject {
        Redaction.redacted(CompleteDocument.completing(own.overlaid(with: overlay)))
    }
}
