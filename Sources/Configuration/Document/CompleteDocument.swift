/// The configuration with every key that has an effect. Unset keys have their defaults. Programs that read the API's
/// document expect each key to be present.
enum CompleteDocument {
    /// xmrig-proxy's keys in its order, then Millrace's. null means "not set".
    private static let defaults = object(
        """
        {
            "access-log-file": null,
            "access-password": null,
            "algo-ext": true,
            "api": {"id": null, "worker-id": null},
            "http": {
                "enabled": false, "host": "127.0.0.1", "port": 0, "access-token": null, "restricted": true
            },
            "background": false,
            "bind": ["0.0.0.0:3333", "[::]:3333"],
            "colors": true,
            "custom-diff": 0,
            "custom-diff-stats": false,
            "donate-level": 0,
            "log-file": null,
            "mode": "nicehash",
            "pools": [],
            "retries": 2,
            "retry-pause": 1,
            "reuse-timeout": 0,
            "tls": {
                "enabled": true, "protocols": null, "cert": null, "cert_key": null, "ciphers": null,
                "ciphersuites": null, "dhparam": null
            },
            "dns": {"ip_version": 0, "ttl": 30},
            "user-agent": null,
            "syslog": false,
            "verbose": false,
            "watch": true,
            "workers": true,
            "debug": false,
            "autosave": true,
            "print-time": 60,
            "millrace": {
                "shards": "auto", "keep-connections": true, "guard-pools": true, "pass-login": false,
                "run-dir": null, "database": null, "history-days": 30, "forget-workers-days": 7, "log-format": "text", "http-hosts": [],
                "http-cors": null, "trust-documents": false,
                "limits": {
                    "connections": 0, "waiting": 256, "logins": 100, "burst": 10000, "faults": 100, "ban": 600,
                    "dry-run": false, "allow": [], "deny": [], "allow-file": null, "deny-file": null
                },
                "metrics-per-worker": 0
            }
        }
        """)

    private static let pool = object(
        """
        {
            "algo": null, "coin": null, "url": null, "user": "x", "pass": "x", "rig-id": null, "keepalive": false,
            "enabled": true, "tls": false, "sni": true, "tls-fingerprint": null, "daemon": false,
            "daemon-poll-interval": 1000, "daemon-job-timeout": 15000, "daemon-zmq-port": -1,
            "spend-secret-key": null, "socks5": null, "self-select": null, "submit-to-origin": false,
            "tls-verify": false
        }
        """)

    private static let bind = object(#"{"host": null, "port": null, "tls": false, "proxy-protocol": null}"#)

    /// Adds the missing keys. Keys without a default and unknown keys stay as they are. A value that is ignored or
    /// interpreted as another value is replaced by the value in force.
    static func completing(_ configuration: JSONObject) -> JSONObject {
        var complete = configuration.completed(by: defaults, at: "")
        complete.changeElements(of: "pools") { node in
            guard var object = node.object?.completed(by: pool, at: "pools[]") else { return nil }
            if case .text(let url)? = object["url"]?.value, (try? PoolURL(url))?.transport == .tls {
                object.replace("tls", with: .boolean(true))
            }
            return object
        }
        complete.changeElements(of: "bind") { (node) -> JSONObject? in
            if case .text(let text) = node.value { return address(text) }
            return node.object?.completed(by: bind, at: "bind[]")
        }
        if let tls = complete["tls"]?.object { complete.replace("tls", with: .object(pairInForce(of: tls))) }
        return complete
    }

    /// A `cert` without key, and a key without `cert`, are ignored; `cert-key` is another spelling of `cert_key`.
    private static func pairInForce(of tls: JSONObject) -> JSONObject {
        func file(_ key: String) -> JSONValue? {
            if case .text(let path)? = tls[key]?.value, !path.isEmpty { .text(path) } else { nil }
        }
        let certificate = file("cert")
        let key = file("cert_key") ?? file("cert-key")
        let isPair = certificate != nil && key != nil
        var result = tls
        result.replace("cert", with: isPair ? certificate ?? .null : .null)
        result.replace("cert_key", with: isPair ? key ?? .null : .null)
        return result
    }

    /// Converts "0.0.0.0:3333" to the equivalent object; nil when it is not an address.
    private static func address(_ text: String) -> JSONObject? {
        guard let address = try? HostAndPort(text, lowestPort: 0), let port = address.port else { return nil }
        var object = bind
        object.replace("host", with: .text(address.host))
        object.replace("port", with: .integer(Int64(port)))
        return object
    }

    private static func object(_ text: String) -> JSONObject {
        guard case .success(let object) = rootObject(of: Array(text.utf8), shownName: "defaults") else {
            preconditionFailure("the text of the defaults is not an object")
        }
        return object
    }
}

extension JSONObject {
    /// This object with the members of `defaults` that it lacks or has as null: first the members of `defaults` in
    /// their order, then its others. Nested objects are completed in the same way.
    /// - Parameter path: the path of the object, as in `KnownKey.table`.
    fileprivate func completed(by defaults: JSONObject, at path: String) -> JSONObject {
        let table = KnownKey.table(of: path)
        var complete = JSONObject()
        for member in defaults.members {
            let own = self[member.key]
            var chosen = member
            if let inner = own?.object, let below = member.node.object {
                chosen.node.value = .object(
                    inner.completed(by: below, at: path.isEmpty ? member.key : "\(path).\(member.key)"))
            } else if let own, own.value != .null {
                chosen.node = own
                if let known = table[member.key] {
                    chosen.node.value = Section.valueInForce(of: own.value, as: known) ?? member.node.value
                }
            }
            complete.members.append(chosen)
        }
        for member in members where complete[member.key] == nil { complete.members.append(member) }
        return complete
    }

    /// - Parameter change: returns nil to leave an element unchanged.
    fileprivate mutating func changeElements(of key: String, _ change: (JSONNode) -> JSONObject?) {
        guard let index = members.firstIndex(where: { $0.key == key }), let nodes = members[index].node.array else {
            return
        }
        members[index].node.value = .array(
            nodes.map { node in
                change(node).map { JSONNode(value: .object($0), origin: node.origin) } ?? node
            })
    }

    fileprivate mutating func replace(_ key: String, with value: JSONValue) {
        guard let index = members.firstIndex(where: { $0.key == key }) else { return }
        members[index].node.value = value
    }
}
