/// An object of the configuration after the checks of the table of keys: its values are known, of the right type,
/// within their range, neither null nor duplicates. A wrong value is an error, or for most keys a warning and treated
/// as not given (`KnownKey.isStrict`).
struct Section {
    /// Longer than any wallet address with payment id, difficulty and name, and any sensible path; short enough for the
    /// limits on a login or an HTTP header that contains it.
    static let textBytesMax = 1024

    /// As shown to the operator: "", "http", "pools[1]".
    let path: String
    private var nodes: [String: JSONNode] = [:]
    private var refusedKeys: Set<String> = []

    /// - Parameter schema: the path of its table of keys, as in `KnownKey.table`: "", "http", "pools[]".
    init(_ object: JSONObject, path: String, schema: String, _ findings: inout Findings) {
        self.path = path
        let table = KnownKey.table(of: schema)
        var seen: Set<String> = []
        for member in object.members {
            guard let known = table[member.key] else {
                let near = findings.areWarningsFull ? [] : KnownKey.meant(by: member.key, in: schema)
                // A key that is also given under its right name is in force.
                let isGiven = near.contains { path in
                    object.members.contains { KnownKey.isName($0.key, of: path, in: schema) }
                }
                let loss = isGiven ? nil : near.lazy.compactMap { KnownKey.consequence(of: $0, in: schema) }.first
                let names = near.map { "\"\(KnownKey.shortPath($0, in: schema))\"" }.joined(separator: " or ")
                findings.warn(
                    path.isEmpty ? shown(member.key) : "\(path): \(shown(member.key))", at: member.keyOrigin,
                    "unknown key, ignored" + (near.isEmpty ? "" : "; did you mean \(names)?")
                        + (loss.map { " Without it \($0)" } ?? ""))
                continue
            }
            guard seen.insert(member.key).inserted else {
                findings.warn(name(of: member.key), at: member.keyOrigin, "duplicate key; the first one is used")
                continue
            }
            guard member.node.value != .null else { continue }
            var node = member.node
            let meant = Section.meant(by: node.value, as: known)
            let isQuoted = meant != node.value
            node.value = meant
            if let problem = Section.problem(of: node.value, as: known) {
                refusedKeys.insert(member.key)
                if problem.isFatal {
                    findings.fail(name(of: member.key), at: node.origin, problem.text)
                } else {
                    findings.warn(
                        name(of: member.key), at: node.origin, problem.text + "; \(known.fallback), as in xmrig-proxy")
                }
                continue
            }
            nodes[member.key] = node
            if isQuoted {
                findings.warn(
                    name(of: member.key), at: node.origin,
                    "found a quoted value, used as if it were not quoted; remove the quotes")
            }
            if case .notYet = known.support, !node.value.isOff {
                findings.warn(name(of: member.key), at: node.origin, "not supported yet, ignored")
            }
        }
    }

    /// An object that is not given.
    init(path: String) {
        self.path = path
    }

    /// Converts "true" and "27023" as texts, which web forms and shell scripts write, to the value that they spell, if
    /// the key accepts that but no text, or only a host name. Not in the `millrace` object, and not for `custom-diff`: in xmrig-proxy a text
    /// disables it, and farms run with that.
    private static func meant(by value: JSONValue, as known: KnownKey) -> JSONValue {
        guard case .text(let text) = value, known.takesQuotedValues else { return value }
        switch text {
        case "true" where known.kinds.contains(.boolean): return .boolean(true)
        case "false" where known.kinds.contains(.boolean): return .boolean(false)
        default:
            guard known.kinds.contains(.integer), let number = Int64(text), String(number) == text else { return value }
            return .integer(number)
        }
    }

    /// The value that is used; nil when it is ignored and the default is used. A value that is an error, which no
    /// configuration in force has, stays as it is.
    static func valueInForce(of value: JSONValue, as known: KnownKey) -> JSONValue? {
        let meant = meant(by: value, as: known)
        guard let problem = problem(of: meant, as: known) else { return known.settled(meant) }
        if known.path == "tls", !problem.isFatal { return .boolean(false) }
        return problem.isFatal ? value : nil
    }

    private struct Problem {
        var text: String
        var isFatal: Bool
    }

    private static func problem(of value: JSONValue, as known: KnownKey) -> Problem? {
        let isFatal = known.isStrict
        guard let kind = KnownKey.Kinds(of: value), known.kinds.contains(kind) else {
            return Problem(text: "expected \(known.expectation), found \(value.kindName)", isFatal: isFatal)
        }
        switch value {
        case .integer(let number):
            guard let range = known.range, !range.contains(number) else { return nil }
            return Problem(text: "expected \(known.expectation), found \(number)", isFatal: isFatal)
        // No default can replace a login or a path that is too long or malformed. `PoolURL` checks URLs of pools.
        case .text(let text) where known.path != "pools[].url":
            return Section.problem(of: text).map { Problem(text: $0, isFatal: true) }
        case .null, .boolean, .decimal, .text, .array, .object: return nil
        }
    }

    /// Checks a text of any key: no login, token, path or name contains a line break. With one, for example from an
    /// environment variable set from a file with CRLF, a pool would refuse the login for no visible reason.
    static func problem(of text: String) -> String? {
        if text.utf8.count > textBytesMax { return "longer than \(textBytesMax) bytes" }
        return text.utf8.contains { $0 < 0x20 || $0 == 0x7f }
            ? "expected a string without line breaks and other control characters" : nil
    }

    subscript(key: String) -> JSONNode? { nodes[key] }

    /// Whether `key` was given with a value that was reported as wrong.
    func hasRefused(_ key: String) -> Bool { refusedKeys.contains(key) }

    func boolean(_ key: String) -> Bool? {
        if case .boolean(let flag)? = nodes[key]?.value { flag } else { nil }
    }

    func integer(_ key: String) -> Int64? {
        if case .integer(let number)? = nodes[key]?.value { number } else { nil }
    }

    /// An empty text means "not given", for every key.
    func text(_ key: String) -> String? {
        if case .text(let text)? = nodes[key]?.value, !text.isEmpty { text } else { nil }
    }

    func array(_ key: String) -> [JSONNode]? {
        if case .array(let nodes)? = nodes[key]?.value { nodes } else { nil }
    }

    /// The object at `key` after its own checks; an empty one when it is not given.
    func section(_ key: String, _ findings: inout Findings) -> Section {
        guard case .object(let object)? = nodes[key]?.value else { return Section(path: name(of: key)) }
        return Section(object, path: name(of: key), schema: name(of: key), &findings)
    }

    /// "http.port"
    func name(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func origin(of key: String) -> Origin { nodes[key]?.origin ?? .nowhere }
}
