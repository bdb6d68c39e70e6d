/// Applies a client's changes of the document it was shown to the sources of that document: the file with its secrets
/// and without defaults, and the options of the command line.
///
/// A value equal to the shown one is not a change: the file keeps its own value, a secret or none. Elements of lists
/// are compared by index. A changed value that an option had set is released from that option: from then on the
/// document decides it.
///
/// A client of the API is not the owner of the file. It must not have variables of the service's environment expanded
/// into values that it can read or send elsewhere, and must not name files that are written or opened, unless the file
/// allows it (`millrace.trust-documents`).
struct DocumentEdit {
    /// Paths of values that options no longer set: "pools", "http.port".
    private(set) var released: Set<String> = []
    private(set) var findings: Findings
    private var isTrusted = false
    /// Texts of the file that contain variables, by path: a client may move them to another element of their list.
    private var ownVariables: [String: Set<String>] = [:]

    init(findings: Findings) {
        self.findings = findings
    }

    /// Returns the new content of the file.
    /// - Parameters:
    ///   - shown: the document that the client received: complete and redacted.
    ///   - own: the content of the file.
    ///   - overlay: the values set by options, which override the file.
    mutating func apply(
        _ sent: JSONObject, shown: JSONObject, own: JSONObject, overlay: JSONObject
    ) -> JSONObject {
        isTrusted = own["millrace"]?.object?["trust-documents"]?.value == .boolean(true)
        collectVariables(in: .object(own), at: "")
        return merged(sent, Layers(shown: shown, own: own, overlay: overlay), at: Place())
    }

    /// The corresponding objects of the three sources.
    private struct Layers {
        var shown = JSONObject()
        var own = JSONObject()
        var overlay = JSONObject()
    }

    private struct Place {
        /// As shown in messages: "pools[1].pass".
        var name = ""
        /// As in the table of keys: "pools[].pass".
        var path = ""

        func member(_ key: String) -> Place {
            Place(name: name.isEmpty ? key : name + "." + key, path: path.isEmpty ? key : path + "." + key)
        }

        func element(_ index: Int) -> Place { Place(name: "\(name)[\(index)]", path: path + "[]") }
    }

    /// Members of the file keep their order; new ones follow.
    private mutating func merged(_ sent: JSONObject, _ layers: Layers, at place: Place) -> JSONObject {
        var result = JSONObject()
        for key in (layers.own.members + sent.members).map(\.key) where result[key] == nil {
            guard var member = sent.members.first(where: { $0.key == key }) else { continue }
            let merged = merged(
                member.node, shown: layers.shown[key], own: layers.own[key], overlay: layers.overlay[key],
                at: place.member(key))
            guard let merged else { continue }
            member.node = merged
            result.members.append(member)
        }
        return result
    }

    /// - Returns: nil when the file needs no entry, because a default or an option has this value.
    private mutating func merged(
        _ sent: JSONNode, shown: JSONNode?, own: JSONNode?, overlay: JSONNode?, at place: Place
    ) -> JSONNode? {
        if let shown, sent.value.isSame(as: shown.value) { return own?.placed(like: sent) }
        var result = sent
        switch sent.value {
        case .object(let object):
            let layers = Layers(
                shown: shown?.object ?? JSONObject(), own: own?.object ?? JSONObject(),
                overlay: overlay?.object ?? JSONObject())
            let inner = merged(object, layers, at: place)
            if inner.members.isEmpty, own == nil, shown != nil { return nil }
            result.value = .object(inner)
        case .array(let nodes):
            if overlay != nil { release(place.path, at: sent.origin) }
            let before = (overlay ?? own)?.array ?? []
            let shown = shown?.array ?? []
            result.value = .array(
                nodes.enumerated().map { index, node in
                    merged(
                        node, shown: index < shown.count ? shown[index] : nil,
                        own: index < before.count ? before[index] : nil, at: place.element(index))
                })
        case .null, .boolean, .integer, .decimal, .text:
            let isFree = overlay == nil || release(place.path, at: sent.origin)
            if isFree, !isTrusted { checkTrust(sent, at: place) }
            if sent.value == .text(Redaction.mark), KnownKey.secrecy(of: place.path) != .open {
                findings.fail(
                    place.name, at: sent.origin,
                    "\"\(Redaction.mark)\" keeps the present secret, but there is none; give the secret itself")
            }
        }
        return result
    }

    /// Merges an element of a list. Defaults and options do not complete elements: unless the file has an object at
    /// this index, the element is used as sent.
    private mutating func merged(_ sent: JSONNode, shown: JSONNode?, own: JSONNode?, at place: Place) -> JSONNode {
        if let shown, sent.value.isSame(as: shown.value) { return own?.placed(like: sent) ?? sent }
        return merged(sent, shown: own?.object == nil ? nil : shown, own: own, overlay: nil, at: place) ?? sent
    }

    private mutating func collectVariables(in value: JSONValue, at path: String) {
        switch value {
        case .object(let object):
            for member in object.members {
                collectVariables(in: member.node.value, at: path.isEmpty ? member.key : "\(path).\(member.key)")
            }
        case .array(let nodes): for node in nodes { collectVariables(in: node.value, at: path + "[]") }
        case .text(let text) where Expansion.holdsVariable(text): ownVariables[path, default: []].insert(text)
        case .null, .boolean, .integer, .decimal, .text: break
        }
    }

    /// Reports a changed value that only the owner of the file may set.
    private mutating func checkTrust(_ sent: JSONNode, at place: Place) {
        switch sent.value {
        case .text(let text) where !text.isEmpty && KnownKey.filePaths.contains(place.path):
            findings.fail(
                place.name, at: sent.origin,
                "names a file, which only the configuration file may; leave it unchanged (\(DocumentEdit.remedy))"
            )
        case .text(let text)
        where Expansion.holdsVariable(text) && ownVariables[place.path]?.contains(text) != true:
            findings.fail(
                place.name, at: sent.origin,
                "${NAME} is allowed only in the configuration file; give the value itself (\(DocumentEdit.remedy))")
        case .boolean(true) where place.path == "millrace.trust-documents":
            findings.fail(place.name, at: sent.origin, "can only be set in the configuration file")
        case .null, .boolean, .integer, .decimal, .text, .array, .object: break
        }
    }

    private static let remedy = "or set millrace.trust-documents in the file"

    /// - Returns: false when a document cannot override the option.
    @discardableResult
    private mutating func release(_ path: String, at origin: Origin) -> Bool {
        if let key = ConfigurationChange.waitingKeys.first(where: { $0 == path || $0.hasPrefix(path + ".") }) {
            findings.fail(
                key, at: origin,
                "is set by a command-line option and cannot be changed while the service runs; leave it unchanged, "
                    + "or restart the service with another option")
            return false
        }
        released.insert(path)
        findings.warn(
            path, at: origin,
            "the document overrides the command-line option until the next "
                + "start of the service, when the option overrides the document")
        return true
    }
}

extension JSONNode {
    /// This value with the positions of `other`, so that findings refer to lines of the client's text.
    fileprivate func placed(like other: JSONNode) -> JSONNode {
        var placed = JSONNode(value: value, origin: other.origin)
        switch (value, other.value) {
        case (.object(let object), .object(let others)):
            placed.value = .object(
                JSONObject(
                    members: object.members.map { member in
                        guard let other = others.members.first(where: { $0.key == member.key }) else { return member }
                        return JSONMember(
                            key: member.key, keyOrigin: other.keyOrigin, node: member.node.placed(like: other.node))
                    }))
        case (.array(let nodes), .array(let others)) where nodes.count == others.count:
            placed.value = .array(zip(nodes, others).map { $0.placed(like: $1) })
        default: break
        }
        return placed
    }
}
