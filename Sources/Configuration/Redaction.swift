/// Takes the secrets out of a configuration, and puts them back into one that comes from outside.
enum Redaction {
    /// What stands in the place of a secret.
    static let mark = "***"

    // MARK: - Out

    /// The object with `mark` in the place of every secret.
    static func redacted(_ object: JSONObject) -> JSONObject { redacted(object, path: "", isInSecret: false) }

    private static func redacted(_ object: JSONObject, path: String, isInSecret: Bool) -> JSONObject {
        JSONObject(
            members: object.members.map { member in
                var copy = member
                let child = path.isEmpty ? member.key : path + "." + member.key
                copy.node = redacted(member.node, path: child, isInSecret: isInSecret)
                return copy
            })
    }

    private static func redacted(_ node: JSONNode, path: String, isInSecret: Bool) -> JSONNode {
        var copy = node
        let secrecy = isInSecret ? Secrecy.secret : KnownKey.secrecy(of: path)
        switch node.value {
        case .object(let object):
            copy.value = .object(redacted(object, path: path, isInSecret: secrecy == .secret))
        case .array(let nodes):
            copy.value = .array(
                nodes.map { redacted($0, path: path + "[]", isInSecret: secrecy == .secret) })
        case .null, .boolean, .integer, .decimal, .text:
            if secrecy.hides(node.value) { copy.value = .text(mark) }
        }
        return copy
    }

    // MARK: - In

    /// The object with the secrets of `known` where it has `mark`. One that cannot be told is an error.
    static func restored(_ object: JSONObject, from known: JSONObject, _ findings: inout Findings) -> JSONObject {
        restored(object, from: known, hidden: redacted(known), name: "", &findings)
    }

    /// - Parameters:
    ///   - hidden: `known`, redacted.
    ///   - name: as messages show it: "pools[1]".
    private static func restored(
        _ object: JSONObject, from known: JSONObject?, hidden: JSONObject?, name: String, _ findings: inout Findings
    ) -> JSONObject {
        var copy = object
        for (index, member) in object.members.enumerated() {
            let child = name.isEmpty ? member.key : name + "." + member.key
            copy.members[index].node = restored(
                member.node, from: known?[member.key], hidden: hidden?[member.key], name: child, &findings)
        }
        return copy
    }

    private static func restored(
        _ node: JSONNode, from known: JSONNode?, hidden: JSONNode?, name: String, _ findings: inout Findings
    ) -> JSONNode {
        var copy = node
        switch node.value {
        case .text(mark):
            if let known, let hidden, hidden.value == .text(mark) {
                copy.value = known.value
            } else if KnownKey.secrecy(of: schemaPath(name)) != .open {
                findings.fail(
                    name, at: node.origin, "\"\(mark)\" keeps the secret that is there, and here is none; write it out")
            }
        case .object(let object):
            copy.value = .object(
                restored(object, from: known?.object, hidden: hidden?.object, name: name, &findings))
        case .array(let nodes):
            let there = known?.array ?? []
            let shown = hidden?.array ?? []
            copy.value = .array(
                nodes.enumerated().map { index, element in
                    let source = name == "pools" ? poolIndex(of: element, at: index, nodes, shown) : index
                    let found = source.flatMap { $0 < there.count ? $0 : nil }
                    return restored(
                        element, from: found.map { there[$0] }, hidden: found.map { shown[$0] },
                        name: "\(name)[\(index)]", &findings)
                })
        case .null, .boolean, .integer, .decimal, .text: break
        }
        return copy
    }

    /// Which of the pools that are there a pool means: the one of its url; of several, the one that looks the same in
    /// all that was shown, else the one in the same place of an unchanged number. A pool with another url is another
    /// pool: its owner must not get the login of the one that stood there.
    private static func poolIndex(
        of pool: JSONNode, at index: Int, _ all: [JSONNode], _ shown: [JSONNode]
    ) -> Int? {
        let url = pool.object?["url"]?.value
        let candidates = shown.indices.filter { shown[$0].object?["url"]?.value == url }
        if candidates.count <= 1 { return candidates.first }
        let alike = candidates.filter { pool.value.isSame(as: shown[$0].value) }
        if alike.count == 1 { return alike[0] }
        let sameURL = all.count { $0.object?["url"]?.value == url }
        return (alike.isEmpty ? candidates : alike).contains(index) && sameURL == candidates.count ? index : nil
    }

    /// "pools[].pass" of "pools[1].pass".
    private static func schemaPath(_ name: String) -> String {
        var path = ""
        var isInBrackets = false
        for character in name {
            if character == "[" { isInBrackets = true }
            if character == "]" { isInBrackets = false }
            if !isInBrackets || character == "[" { path.append(character) }
        }
        return path
    }
}

extension JSONNode {
    var object: JSONObject? { if case .object(let object) = value { object } else { nil } }
    var array: [JSONNode]? { if case .array(let nodes) = value { nodes } else { nil } }
}

extension JSONValue {
    /// The same value, wherever its parts were written and in whatever order the members of its objects stand.
    func isSame(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.value.isSame(as: $1.value) }
        case (.object(let left), .object(let right)):
            guard left.members.count == right.members.count else { return false }
            return left.members.allSatisfy { member in
                right[member.key].map { $0.value.isSame(as: left[member.key]?.value ?? .null) } ?? false
            }
        case (.null, _), (.boolean, _), (.integer, _), (.decimal, _), (.text, _), (.array, _), (.object, _):
            return self == other
        }
    }
}
