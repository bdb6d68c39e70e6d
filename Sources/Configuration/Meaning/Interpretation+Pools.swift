extension Interpretation {
    /// The login of xmrig-proxy when none is configured.
    private static let defaultLogin = "x"

    mutating func readPools(_ root: Section) {
        settings.retries = root.integer("retries").map { Int($0) } ?? settings.retries
        settings.retryPauseSeconds = root.integer("retry-pause").map { Int($0) } ?? settings.retryPauseSeconds
        settings.userAgent = literal("user-agent", in: root)
        readDNS(root.section("dns", &findings))

        let errorsBefore = findings.errors.count
        var unsupported: [PoolFault] = []
        let commonAlgorithm = algorithm(of: root)
        var faults: [PoolFault] = []
        let nodes = root.array("pools") ?? []
        for (index, node) in nodes.prefix(Settings.poolsMax).enumerated() {
            switch readPool(node, path: "pools[\(index)]", commonAlgorithm: commonAlgorithm) {
            case .usable(let pool): settings.pools.append(pool)
            case .unsupported(var fault):
                fault.isBeforeAll = settings.pools.isEmpty
                unsupported.append(fault)
            case .disabled: break
            case .wrong(let fault): faults.append(fault)
            }
        }
        judge(unsupported)
        if nodes.count > Settings.poolsMax {
            findings.fail("pools", at: root.origin(of: "pools"), "more than \(Settings.poolsMax) pools")
        }
        for fault in faults {
            // One usable pool is enough to start, as in xmrig-proxy.
            if settings.pools.isEmpty {
                findings.fail(fault.subject, at: fault.origin, fault.text)
            } else {
                findings.warn(fault.subject, at: fault.origin, fault.text + "; this pool is ignored")
            }
        }
        guard settings.pools.isEmpty, findings.errors.count == errorsBefore, !root.hasRefused("pools") else { return }
        let cause =
            !unsupported.isEmpty
            ? "no pool is usable: every enabled pool needs a feature that is not supported yet"
            : "no pool is enabled"
        findings.fail(
            root["pools"] == nil ? "" : "pools", at: root.origin(of: "pools"),
            cause + "; add an enabled pool with a \"url\" to \"pools\", or give one with --url")
    }

    /// Reports pools that need an unsupported feature. A backup can be ignored, but only the operator can decide to
    /// mine at another pool than the first one.
    private mutating func judge(_ unsupported: [PoolFault]) {
        for fault in unsupported {
            if fault.isBeforeAll, let next = settings.pools.first {
                findings.fail(
                    fault.subject, at: fault.origin,
                    "\(fault.text), so \(next.name) would be used instead; "
                        + "disable this pool (\"enabled\": false) if that is intended")
            } else {
                findings.warn(fault.subject, at: fault.origin, "\(fault.text); this pool is ignored")
            }
        }
    }

    private mutating func readDNS(_ section: Section) {
        if let version = section.integer("ip_version") {
            if [0, 4, 6].contains(version) {
                settings.dns.ipVersion = Int(version)
            } else {
                findings.warn(
                    section.name(of: "ip_version"), at: section.origin(of: "ip_version"),
                    "expected 0 (any), 4 or 6, found \(version); 0 is used, as in xmrig-proxy")
            }
        }
        if let ttl = section.integer("ttl") {
            let limits = 1...Int64(Int32.max)
            settings.dns.ttlSeconds = Int(min(max(ttl, limits.lowerBound), limits.upperBound))
            if !limits.contains(ttl) {
                findings.warn(
                    section.name(of: "ttl"), at: section.origin(of: "ttl"),
                    "expected a number from 1 to \(limits.upperBound), found \(ttl); "
                        + "\(settings.dns.ttlSeconds) is used")
            }
        }
    }

    private enum PoolReading {
        case usable(Settings.Pool)
        case disabled
        case unsupported(PoolFault)
        case wrong(PoolFault)
    }

    /// Why a pool cannot be used.
    private struct PoolFault {
        var subject: String
        var origin: Origin
        var text: String
        /// No usable pool precedes it in the list.
        var isBeforeAll = false
    }

    private mutating func readPool(_ node: JSONNode, path: String, commonAlgorithm: String?) -> PoolReading {
        guard case .object(let object) = node.value else {
            return .wrong(
                PoolFault(subject: path, origin: node.origin, text: "expected an object, found \(node.value.kindName)"))
        }
        let section = Section(object, path: path, schema: "pools[]", &findings)
        guard section.boolean("enabled") ?? true else { return .disabled }
        guard let text = section.text("url") else {
            return .wrong(
                PoolFault(
                    subject: path, origin: node.origin, text: "expected a \"url\", such as \"pool.example.com:3333\""))
        }
        let url: PoolURL
        do throws(HostAndPort.Refusal) {
            url = try PoolURL(text)
        } catch {
            return .wrong(
                PoolFault(subject: section.name(of: "url"), origin: section.origin(of: "url"), text: error.message))
        }
        if url.hasMore {
            findings.warn(
                section.name(of: "url"), at: section.origin(of: "url"),
                "text after the port is ignored, as in xmrig-proxy")
        }
        if let (key, what) = unsupportedPart(of: section, url) {
            return .unsupported(
                PoolFault(
                    subject: section.name(of: key), origin: section.origin(of: key),
                    text: "\(what) is not supported yet"))
        }
        var pool = Settings.Pool(
            host: url.host, port: url.port, user: expanded("user", in: section) ?? Interpretation.defaultLogin,
            password: expanded("pass", in: section) ?? Interpretation.defaultLogin)
        pool.rigID = expanded("rig-id", in: section)
        pool.algorithm = algorithm(of: section) ?? commonAlgorithm
        pool.keepaliveSeconds = keepalive(of: section)
        pool.tls = poolTLS(of: section, url)
        pool.proxy = socksProxy(of: section)
        return .usable(pool)
    }

    /// The first unsupported feature that this pool needs, and the key that requests it.
    private func unsupportedPart(of section: Section, _ url: PoolURL) -> (key: String, what: String)? {
        if let what = url.transport.unsupportedName { return ("url", what) }
        let parts = [("daemon", "mining to a daemon"), ("self-select", "self-select")]
        return parts.first { section[$0.0]?.value.isOff == false }
    }

    /// Anything but a proxy is an error: without it, the pool would be reached from this machine's own address.
    private mutating func socksProxy(of section: Section) -> Settings.SOCKSProxy? {
        let key = "socks5"
        if let port = section.integer(key) {
            return port == 0 ? nil : Settings.SOCKSProxy(host: "127.0.0.1", port: UInt16(clamping: port))
        }
        guard let text = literal(key, in: section) else { return nil }
        // `--proxy 9050` is a text.
        if let port = UInt16(text), port > 0 { return Settings.SOCKSProxy(host: "127.0.0.1", port: port) }
        do throws(HostAndPort.Refusal) {
            return try Settings.SOCKSProxy(text)
        } catch {
            findings.fail(section.name(of: key), at: section.origin(of: key), error.message)
            return nil
        }
    }

    private func keepalive(of section: Section) -> Int {
        let seconds = section.integer("keepalive").map { Int($0) }
        return seconds ?? (section.boolean("keepalive") == true ? 60 : 0)
    }
}
