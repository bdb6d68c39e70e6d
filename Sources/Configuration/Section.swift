/// One object of the configuration after the checks that its table of keys makes: what is left in it is known, of the
/// right type, within its range, and neither null nor given twice.
struct Section {
    /// Longer than any wallet address with payment id, difficulty and name, or any sensible path; and short enough
    /// that a login or an HTTP header made of it fits the limits of those who read it.
    static let textBytesMax = 1024

    /// As shown to the operator: "", "http", "pools[1]".
    let path: String
    private var nodes: [String: JSONNode] = [:]
    private var refusedKeys: Set<String> = []

    /// - Parameter schema: whose keys it may have, as in `KnownKey.table`: "", "http", "pools[]".
    init(_ object: JSONObject, path: String, schema: String, _ findings: inout Findings) {
        self.path = path
        let table = KnownKey.table(of: schema)
        var seen: Set<String> = []
        for member in object.members {
            guard let known = table[member.key] else {
                let near = findings.areWarningsFull ? nil : KnownKey.meant(by: member.key, in: schema)
                findings.warn(
                    path.isEmpty ? shown(member.key) : "\(path): \(shown(member.key))", at: member.keyOrigin,
                    "unknown key, ignored" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
                continue
            }
            guard seen.insert(member.key).inserted else {
                findings.warn(name(of: member.key), at: member.keyOrigin, "given twice, the first one counts")
                continue
            }
            guard member.node.value != .null else { continue }
            guard let problem = Section.problem(of: member.node.value, as: known) else {
                nodes[member.key] = member.node
                if case .notYet = known.support, !member.node.value.isOff {
                    findings.warn(name(of: member.key), at: member.node.origin, "not supported yet, ignored")
                }
                continue
            }
            refusedKeys.insert(member.key)
            findings.fail(name(of: member.key), at: member.node.origin, problem)
        }
    }

    /// An object that is not there.
    init(path: String) {
        self.path = path
    }

    private static func problem(of value: JSONValue, as known: KnownKey) -> String? {
        guard let kind = KnownKey.Kinds(of: value), known.kinds.contains(kind) else {
            return "expected \(known.expectation), found \(value.kindName)"
        }
        switch value {
        case .integer(let number):
            guard let range = known.range, !range.contains(number) else { return nil }
            return "expected \(known.expectation), found \(number)"
        case .text(let text): return Section.problem(of: text)
        case .null, .boolean, .decimal, .array, .object: return nil
        }
    }

    /// What is wrong with a text, whatever its key: no login, token, path or name has a line break in it, and one that
    /// a variable brought in from a file of another system would make a pool refuse us for no visible reason.
    static func problem(of text: String) -> String? {
        if text.utf8.count > textBytesMax { return "longer than \(textBytesMax) bytes" }
        return text.utf8.contains { $0 < 0x20 || $0 == 0x7f }
            ? "expected a text without line breaks and other control characters" : nil
    }

    subscript(key: String) -> JSONNode? { nodes[key] }

    /// Whether `key` was given, and has its error already.
    func hasRefused(_ key: String) -> Bool { refusedKeys.contains(key) }

    func boolean(_ key: String) -> Bool? {
        if case .boolean(let flag)? = nodes[key]?.value { flag } else { nil }
    }

    func integer(_ key: String) -> Int64? {
        if case .integer(let number)? = nodes[key]?.value { number } else { nil }
    }

    /// An empty text is the same as none, in every key.
    func text(_ key: String) -> String? {
        if case .text(let text)? = nodes[key]?.value, !text.isEmpty { text } else { nil }
    }

    func array(_ key: String) -> [JSONNode]? {
        if case .array(let nodes)? = nodes[key]?.value { nodes } else { nil }
    }

    /// The object under `key`, checked in its turn; an empty one when there is none.
    func section(_ key: String, _ findings: inout Findings) -> Section {
        guard case .object(let object)? = nodes[key]?.value else { return Section(path: name(of: key)) }
        return Section(object, path: name(of: key), schema: name(of: key), &findings)
    }

    /// "http.port"
    func name(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func origin(of key: String) -> Origin { nodes[key]?.origin ?? .nowhere }
}
