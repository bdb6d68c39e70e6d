/// A JSON value with its position.
struct JSONNode: Sendable, Equatable {
    var value: JSONValue
    var origin: Origin
}

enum JSONValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    /// A number without fraction and exponent that fits into 64 bits.
    case integer(Int64)
    case decimal(Double)
    case text(String)
    case array([JSONNode])
    case object(JSONObject)

    /// The type of the value, for messages that must not show the value itself.
    var kindName: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .integer: "a number"
        case .decimal(let number):
            number.magnitude < 0x1p63 ? "a number with a fraction or an exponent" : "a number of too many digits"
        case .text: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// Whether the value disables a feature: false, 0, "", an empty list, or an object with `"enabled": false`. An
    /// unsupported key with such a value needs no warning.
    var isOff: Bool {
        switch self {
        case .null, .boolean(false), .integer(0): true
        case .boolean, .integer, .decimal: false
        case .text(let text): text.isEmpty
        case .array(let nodes): nodes.isEmpty
        case .object(let object): object["enabled"]?.value == .boolean(false)
        }
    }
}

/// Members in the order of the file. Duplicate keys are kept: the reader decides.
struct JSONObject: Sendable, Equatable {
    var members: [JSONMember] = []

    /// The first member of that name, as in xmrig-proxy.
    subscript(key: String) -> JSONNode? { members.first { $0.key == key }?.node }

    /// Merges `other` over this object: its values override those of this object, nested objects are merged. null is no
    /// value. If `other` has duplicates of a key, the first one is used and the others are appended, to be reported
    /// later.
    func overlaid(with other: JSONObject) -> JSONObject {
        var result = self
        var seen: Set<String> = []
        for member in other.members {
            guard seen.insert(member.key).inserted else {
                result.members.append(member)
                continue
            }
            guard let index = result.members.firstIndex(where: { $0.key == member.key }) else {
                result.members.append(member)
                continue
            }
            guard member.node.value != .null else { continue }
            if case .object(let below) = result.members[index].node.value,
                case .object(let above) = member.node.value
            {
                result.members[index].node.value = .object(below.overlaid(with: above))
                result.members[index].node.origin = member.node.origin
            } else {
                result.members[index] = member
            }
        }
        return result
    }

    /// An object with only `value` under `path` ("http", "port"), which must not be empty.
    init(path: ArraySlice<String>, node: JSONNode) {
        guard let key = path.first else { return }
        let rest = path.dropFirst()
        let inner = rest.isEmpty ? node.value : .object(JSONObject(path: rest, node: node))
        members = [
            JSONMember(key: key, keyOrigin: node.origin, node: JSONNode(value: inner, origin: node.origin))
        ]
    }

    /// This object without the values at `paths` ("pools", "http.port").
    func without(_ paths: Set<String>) -> JSONObject {
        paths.reduce(self) { $0.without($1.split(separator: ".")[...]) }
    }

    private func without(_ path: ArraySlice<Substring>) -> JSONObject {
        guard let key = path.first, let index = members.firstIndex(where: { $0.key == key }) else { return self }
        var result = self
        if path.count == 1 {
            result.members.remove(at: index)
        } else if let inner = members[index].node.object {
            result.members[index].node.value = .object(inner.without(path.dropFirst()))
        }
        return result
    }

    init(members: [JSONMember] = []) {
        self.members = members
    }
}

struct JSONMember: Sendable, Equatable {
    var key: String
    var keyOrigin: Origin
    var node: JSONNode
}
