/// The configuration as clients of the API see it and send it: JSON in the shape of the file, complete, and without its
/// secrets.
public struct ConfigurationDocument: Sendable {
    private let options: [GivenOption]
    private let released: Set<String>
    private let surroundings: Surroundings
    /// The file that the document is kept in, with those below it: relative paths count from their directories.
    private let place: FilePlace
    /// What the file says.
    private let own: JSONObject
    /// What options say that are in force.
    private let overlay: JSONObject

    /// - Parameters:
    ///   - file: one that `resolve` has accepted; nil when there is none yet.
    ///   - released: values that a document has taken over from the options.
    ///   - path: where the file will be when there is none yet.
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

    /// Every key with its value in force, unknown keys of the file too, `***` in the place of secrets. Comments are not
    /// part of it.
    public var text: String { JSONText.of(shown) }

    /// What becomes of a document that a client sends.
    public enum Reception: Sendable, Equatable {
        /// It says what is in force already.
        case unchanged
        /// It can be used: the settings, and what the file has to say from now on.
        case accepted(Settings, warnings: [Diagnostic], fileText: String, released: Set<String>)
        /// Nothing of it may be used. Lines are those of the document.
        case refused([Diagnostic])
    }

    /// Judges a document by the rules of a file. `***` in the place of a secret keeps the secret at that place. What is
    /// the same as in `text` is not a change, so defaults and the values of options do not get into the file.
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

    /// How findings name the text that a client has sent.
    private static let name = "document"

    private var shown: JSONObject {
        Redaction.redacted(CompleteDocument.completing(own.overlaid(with: overlay)))
    }
}
