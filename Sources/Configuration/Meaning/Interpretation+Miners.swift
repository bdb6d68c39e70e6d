internal import Addresses

extension Interpretation {
    /// Difficulties outside this range are ignored (docs/COMPATIBILITY.md, "Custom difficulty").
    static let customDifficulties: ClosedRange<Int64> = 100...2_147_483_646

    mutating func readMiners(_ root: Section) {
        readBinds(root)
        settings.accessPassword = literal("access-password", in: root)
        settings.offersAlgoExtension = root.boolean("algo-ext") ?? true
        settings.countsCustomDifficulty = root.boolean("custom-diff-stats") ?? false
        readCustomDifficulty(root)
        readWorkerNaming(root)
    }

    private mutating func readCustomDifficulty(_ root: Section) {
        guard let difficulty = root.integer("custom-diff"), difficulty != 0 else { return }
        let range = Interpretation.customDifficulties
        if range.contains(difficulty) {
            settings.customDifficulty = UInt64(difficulty)
        } else {
            findings.warn(
                "custom-diff", at: root.origin(of: "custom-diff"),
                "expected 0 or a number from \(range.lowerBound) to \(range.upperBound), found \(difficulty); ignored")
        }
    }

    mutating func readMode(_ root: Section) {
        settings.reuseSeconds = root.integer("reuse-timeout").map { Int($0) } ?? 0
        guard let mode = choice("mode", in: root, as: Settings.Mode.self, isStrict: false) else { return }
        guard mode == .extraNonce else {
            settings.mode = mode
            return
        }
        findings.warn(
            "mode", at: root.origin(of: "mode"), "\"\(mode.rawValue)\" is not supported yet, nicehash is used")
    }

    private mutating func readWorkerNaming(_ root: Section) {
        if let isOn = root.boolean("workers") {
            settings.workerNaming = isOn ? .rigID : .none
        } else if let text = root.text("workers") {
            if let naming = Settings.WorkerNaming(rawValue: text.lowercased()) {
                settings.workerNaming = naming
            } else {
                // Not an error: xmrig-proxy accepts any text, and files rely on it
                // (docs/COMPATIBILITY.md, "Worker names").
                let words = Settings.WorkerNaming.allCases.map(\.rawValue)
                let near = nearestName(to: text, among: words).map { "; did you mean \"\($0)\"?" } ?? ""
                findings.warn(
                    "workers", at: root.origin(of: "workers"),
                    "expected one of \(words.joined(separator: ", ")), found \(shown(text)); rig_id is used" + near)
            }
        }
    }

    // MARK: Addresses

    private mutating func readBinds(_ root: Section) {
        guard let nodes = root.array("bind") ?? loneBind(root) else { return }
        let errorsBefore = findings.errors.count
        settings.binds = []
        for (index, node) in nodes.prefix(Settings.bindsMax).enumerated() {
            guard let bind = readBind(node, path: "bind[\(index)]") else { continue }
            if settings.binds.contains(where: { $0.hasSameAddress(as: bind) }) {
                findings.warn("bind[\(index)]", at: node.origin, "duplicate address, ignored")
            } else {
                settings.binds.append(bind)
            }
        }
        if nodes.count > Settings.bindsMax {
            findings.fail("bind", at: root.origin(of: "bind"), "more than \(Settings.bindsMax) addresses")
        }
        if settings.binds.isEmpty, findings.errors.count == errorsBefore {
            findings.fail(
                "bind", at: root.origin(of: "bind"),
                "no address for miners to connect to; expected at least one, such as \"0.0.0.0:3333\"")
        }
    }

    /// A single address outside a list; nil for an empty text.
    private mutating func loneBind(_ root: Section) -> [JSONNode]? {
        guard let node = root["bind"], node.value != .text("") else { return nil }
        findings.warn(
            "bind", at: node.origin, "expected a list, found \(node.value.kindName); used as a single address")
        return [node]
    }

    private mutating func readBind(_ node: JSONNode, path: String) -> Settings.Bind? {
        switch node.value {
        case .text(let text): return readBind(text, at: node.origin, path: path)
        case .object(let object):
            return readBind(object, at: node.origin, path: path)
        case .null, .boolean, .integer, .decimal, .array:
            findings.fail(
                path, at: node.origin,
                "expected \"address:port\" or an object with \"host\" and \"port\", found \(node.value.kindName)")
            return nil
        }
    }

    /// "0.0.0.0:3333", "[::]:3333"
    private mutating func readBind(_ text: String, at origin: Origin, path: String) -> Settings.Bind? {
        do throws(HostAndPort.Refusal) {
            let address = try HostAndPort(text, lowestPort: 0)
            guard isIPv4(address.host) || isIPv6(address.host), let port = address.port else {
                throw HostAndPort.Refusal(
                    message: "expected a numeric address and a port, such as 0.0.0.0:3333 or [::]:3333")
            }
            return Settings.Bind(host: address.host, port: port)
        } catch {
            findings.fail(path, at: origin, error.message)
            return nil
        }
    }

    private mutating func readBind(_ object: JSONObject, at origin: Origin, path: String) -> Settings.Bind? {
        let errorsBefore = findings.errors.count
        let section = Section(object, path: path, schema: "bind[]", &findings)
        let requiresTLS = section.boolean("tls") == true
        if requiresTLS, settings.tls == nil {
            // Plain TCP on a port for TLS miners would appear to run but never work.
            findings.warn(
                section.name(of: "tls"), at: section.origin(of: "tls"),
                "TLS for miners is off, so this address is ignored, as in xmrig-proxy; switch it on "
                    + "(\"tls\": true beside \"bind\"), or use this address without it")
            return nil
        }
        let host = numericHost("host", in: section)
        let senders = proxySenders(in: section)
        if let host, let port = section.integer("port").flatMap({ UInt16(exactly: $0) }) {
            var bind = Settings.Bind(host: host, port: port, proxyProtocol: senders)
            bind.requiresTLS = requiresTLS ? true : nil
            return bind
        }
        // A value of a wrong type or range has already been reported.
        if findings.errors.count == errorsBefore {
            findings.fail(path, at: origin, "expected \"host\" and \"port\"")
        }
        return nil
    }

    /// The trusted senders of PROXY headers; nil when there are none, or after an error.
    private mutating func proxySenders(in section: Section) -> [String]? {
        let key = "proxy-protocol"
        guard let value = section[key]?.value, value != .boolean(false) else { return nil }
        let name = section.name(of: key)
        guard case .array(let nodes) = value else {
            let reason = value == .boolean(true) ? " (otherwise any client could claim any address)" : ""
            findings.fail(
                name, at: section.origin(of: key),
                "expected a list of the balancers to trust\(reason), such as [\"192.0.2.7\", \"10.0.0.0/8\"], found "
                    + value.kindName)
            return nil
        }
        guard nodes.count <= Settings.Bind.proxySendersMax else {
            findings.fail(name, at: section.origin(of: key), "more than \(Settings.Bind.proxySendersMax) senders")
            return nil
        }
        let senders = prefixes(nodes, named: name)
        for sender in senders where sender.prefix.length == 0 {
            findings.warn(
                "\(name)[\(sender.index)]", at: nodes[sender.index].origin,
                "\(sender.text) lets every client claim any address; list only the balancers")
        }
        return senders.isEmpty ? nil : senders.map(\.text)
    }

    /// The addresses and prefixes of a list; invalid ones are reported as errors and omitted.
    mutating func prefixes(
        _ nodes: [JSONNode], named name: String
    ) -> [(index: Int, text: String, prefix: AddressPrefix)] {
        nodes.enumerated().compactMap { index, node in
            if case .text(let text) = node.value, let prefix = AddressPrefix(text) { return (index, text, prefix) }
            let found = if case .text(let text) = node.value { shown(text) } else { node.value.kindName }
            findings.fail(
                "\(name)[\(index)]", at: node.origin,
                "expected a numeric address or a prefix, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8, found \(found)")
            return nil
        }
    }

    /// The numeric address at `key`, with or without brackets; nil when there is none or it is invalid (an error).
    mutating func numericHost(_ key: String, in section: Section) -> String? {
        guard let text = section.text(key) else { return nil }
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if isIPv4(text) || isIPv6(bare) { return bare }
        findings.fail(
            section.name(of: key), at: section.origin(of: key),
            "expected a numeric address such as 127.0.0.1, 0.0.0.0 or ::1, found \(shown(text))")
        return nil
    }
}
