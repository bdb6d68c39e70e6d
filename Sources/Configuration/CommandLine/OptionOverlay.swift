/// Converts options to an object of the same structure as the file, which is merged over it. So each rule about a value
/// exists once, and options always override the file.
///
/// Lists are replaced, not merged: `--url` replaces all pools of the file, `--bind` all its addresses.
struct OptionOverlay {
    private(set) var object = JSONObject()
    private var pools: [JSONObject] = []
    private var binds: [JSONNode] = []

    init(_ options: [GivenOption], _ findings: inout Findings) {
        for option in options {
            guard let known = KnownOption.named(option.name) else {
                let near = nearestName(to: option.name, among: KnownOption.all.map(\.name))
                findings.fail(
                    "", at: .option(option.name), "unknown option" + (near.map { "; did you mean --\($0)?" } ?? ""))
                continue
            }
            guard known.valueName == nil || option.value != nil else {
                findings.fail("", at: .option(option.name), "expected a value")
                continue
            }
            // An empty variable in a script must not lead around the proxy.
            if known.name == "proxy", option.value?.isEmpty ?? true {
                findings.fail("", at: .option(option.name), "expected host:port of a SOCKS5 proxy")
            }
            apply(option, known.effect, &findings)
        }
        decideAboutAPI(options)
        decideAboutTLS(options)
        addLists(&findings)
    }

    private mutating func apply(_ option: GivenOption, _ effect: KnownOption.Effect, _ findings: inout Findings) {
        let text = option.value ?? ""
        let origin = Origin.option(option.name)
        switch effect {
        case .none: break
        case .key(let path, let form):
            set(path, node(option, form, &findings))
        case .pool(let key, let form):
            setInPool(key, node(option, form, &findings))
        case .poolURL:
            // The first --url completes a pool started by options before it.
            if pools.last?["url"] != nil { pools.append(JSONObject()) }
            setInPool("url", JSONNode(value: .text(text), origin: origin))
        case .poolLogin:
            guard let colon = text.lastIndex(of: ":") else {
                findings.warn("", at: origin, "expected user:password; ignored, as in xmrig-proxy")
                return
            }
            setInPool("user", JSONNode(value: .text(String(text[..<colon])), origin: origin))
            setInPool("pass", JSONNode(value: .text(String(text[colon...].dropFirst())), origin: origin))
        case .bind(let tls):
            binds.append(tls ? secureBind(text, origin) : JSONNode(value: .text(text), origin: origin))
        }
    }

    private func node(
        _ option: GivenOption, _ form: KnownOption.Form, _ findings: inout Findings
    ) -> JSONNode {
        let text = option.value ?? ""
        let value: JSONValue =
            switch form {
            case .text: .text(text)
            case .boolean(let flag): .boolean(flag)
            case .number(let number): .integer(number)
            case .integer: Int64(text).map { .integer($0) } ?? .text(text)
            case .booleanOrInteger: secondsOrTrue(option, &findings)
            }
        return JSONNode(value: value, origin: .option(option.name))
    }

    /// Any value enables keepalives, as in xmrig-proxy; an invalid one sets the default interval of 60 s.
    private func secondsOrTrue(_ option: GivenOption, _ findings: inout Findings) -> JSONValue {
        guard let text = option.value, !text.isEmpty else { return .boolean(true) }
        let range = KnownKey.keepaliveSeconds
        if let seconds = Int64(text), range.contains(seconds) { return .integer(seconds) }
        findings.warn(
            "", at: .option(option.name),
            "expected a number of seconds from \(range.lowerBound) to \(range.upperBound); 60 is used")
        return .boolean(true)
    }

    private func secureBind(_ text: String, _ origin: Origin) -> JSONNode {
        guard let address = try? HostAndPort(text, lowestPort: 0), let port = address.port else {
            // `Interpretation` reports what is wrong with this text.
            return JSONNode(value: .text(text), origin: origin)
        }
        let members: [(String, JSONValue)] = [
            ("host", .text(address.host)), ("port", .integer(Int64(port))), ("tls", .boolean(true)),
        ]
        let entry = JSONObject(
            members: members.map {
                JSONMember(key: $0, keyOrigin: origin, node: JSONNode(value: $1, origin: origin))
            })
        return JSONNode(value: .object(entry), origin: origin)
    }

    private mutating func set(_ path: [String], _ node: JSONNode) {
        object = object.overlaid(with: JSONObject(path: path[...], node: node))
    }

    private mutating func setInPool(_ key: String, _ node: JSONNode) {
        if pools.isEmpty { pools.append(JSONObject()) }
        pools[pools.count - 1] = pools[pools.count - 1].overlaid(with: JSONObject(path: [key], node: node))
    }

    /// Any --http option enables the API (docs/COMPATIBILITY.md, "Command line"). --api-port alone selects the old
    /// `api` object, which an `http` object of the file would otherwise override.
    private mutating func decideAboutAPI(_ options: [GivenOption]) {
        if let http = options.last(where: { $0.name.hasPrefix("http-") }) {
            set(["http", "enabled"], JSONNode(value: .boolean(true), origin: .option(http.name)))
        } else if options.contains(where: { $0.name == "api-port" }) {
            set(["http", "enabled"], JSONNode(value: .boolean(false), origin: .option("api-port")))
        }
    }

    /// Any option about the certificate or its use switches TLS for miners on, as in xmrig-proxy.
    private mutating func decideAboutTLS(_ options: [GivenOption]) {
        let option = options.last {
            if case .key(let path, _)? = KnownOption.named($0.name)?.effect { path.first == "tls" } else { false }
        }
        if let option { set(["tls", "enabled"], JSONNode(value: .boolean(true), origin: .option(option.name))) }
    }

    private mutating func addLists(_ findings: inout Findings) {
        if let first = pools.first, first["url"] == nil {
            let origin = first.members.first?.keyOrigin ?? .nowhere
            findings.fail(
                "", at: origin, "is an option of a pool: give --url too (options do not change the pools of the file)")
        } else if let first = pools.first {
            let nodes = pools.map { JSONNode(value: .object($0), origin: $0["url"]?.origin ?? .nowhere) }
            set(["pools"], JSONNode(value: .array(nodes), origin: first["url"]?.origin ?? .nowhere))
        }
        if let first = binds.first { set(["bind"], JSONNode(value: .array(binds), origin: first.origin)) }
    }
}
