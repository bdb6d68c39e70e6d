/// Removes the secrets from a configuration. `DocumentEdit` restores them.
enum Redaction {
    /// Shown in place of a secret.
    static let mark = "***"

    /// The object with `mark` in place of every secret.
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
}

extension JSONNode {
    var object: JSONObject? { if case .object(let object) = value { object } else { nil } }
    var array: [JSONNode]? { if case .array(let nodes) = value { nodes } else { nil } }
}

extension JSONValue {
    /// Whether both values are equal, ignoring the order of members.
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
