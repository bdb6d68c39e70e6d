extension Interpretation {
    /// Reads `tls`, which decides about TLS for miners. A missing value and `true` are an object without members; a
    /// text is the `gen` of one.
    mutating func readTLS(_ root: Section) {
        let section = root.section("tls", &findings)
        let isOn = root.boolean("tls") ?? section.boolean("enabled") ?? true
        guard isOn, !root.hasRefused("tls") else { return }
        var tls = ownPair(section) ?? generatedPair(root, section)
        tls.protocols = protocols(section)
        tls.ciphers = literal("ciphers", in: section)
        tls.ciphersuites = literal("ciphersuites", in: section)
        tls.dhparamFile = path("dhparam", in: section)
        settings.tls = tls
    }

    /// The operator's certificate and key; nil unless both are given.
    private mutating func ownPair(_ section: Section) -> Settings.TLS? {
        let keyName = section.text("cert_key") == nil ? "cert-key" : "cert_key"
        let certificate = path("cert", in: section)
        let key = path(keyName, in: section)
        if let certificate, let key {
            if section.text("gen") != nil {
                findings.warn(
                    section.name(of: "gen"), at: section.origin(of: "gen"),
                    "has no effect, because \"cert\" and \"\(keyName)\" are given")
            }
            return Settings.TLS(certificateFile: certificate, keyFile: key)
        }
        let given = certificate == nil ? (key == nil ? nil : keyName) : "cert"
        if let given {
            let missing = given == "cert" ? "its key (\"cert_key\")" : "its certificate (\"cert\")"
            findings.warn(
                section.name(of: given), at: section.origin(of: given),
                "given without \(missing); the file is ignored and a generated pair is used, as in xmrig-proxy; "
                    + "give both files")
        }
        return nil
    }

    /// Beside the statistics: a directory that persists, belongs to this instance, and that Millrace can write to.
    private mutating func generatedPair(_ root: Section, _ section: Section) -> Settings.TLS {
        let place = directory(of: settings.database)
        var tls = Settings.TLS(
            certificateFile: absolute("cert.pem", from: place), keyFile: absolute("cert_key.pem", from: place))
        tls.isGenerated = true
        tls.name = root.text("tls") == nil ? certificateName("gen", in: section) : certificateName("tls", in: root)
        return tls
    }

    /// The host name or address in a generated certificate; nil = the default.
    private mutating func certificateName(_ key: String, in section: Section) -> String? {
        guard let name = section.text(key) else { return nil }
        if PoolURL.isHost(name) || isWildcard(name) { return name }
        findings.warn(
            section.name(of: key), at: section.origin(of: key),
            "expected a host name or an address for the generated certificate, found \(shown(name)); "
                + "\"localhost\" is used")
        return nil
    }

    /// "*.farm.example"
    private func isWildcard(_ name: String) -> Bool {
        name.hasPrefix("*.") && PoolURL.isHost(String(name.dropFirst(2)))
    }

    private mutating func protocols(_ section: Section) -> String? {
        guard let text = section.text("protocols") else { return nil }
        let versions = TLSProtocols(text)
        if let unknown = versions.unknown.first {
            findings.warn(
                section.name(of: "protocols"), at: section.origin(of: "protocols"),
                "expected \(TLSProtocols.all.joined(separator: ", ")), separated by spaces, found \(shown(unknown)); "
                    + (versions.known == nil ? "the default (TLSv1.2 TLSv1.3) is used" : "ignored"))
        }
        return versions.known
    }

    // MARK: Pools

    /// TLS to a pool; nil = plain TCP. As in xmrig-proxy, `"tls": false` does not overrule the scheme of the `url`.
    mutating func poolTLS(of section: Section, _ url: PoolURL) -> Settings.PoolTLS? {
        guard url.transport == .tls || section.boolean("tls") == true else {
            for key in ["tls-fingerprint", "tls-verify"] where section[key]?.value.isOff == false {
                findings.warn(
                    section.name(of: key), at: section.origin(of: key),
                    "has no effect, because the connection to this pool is not encrypted; set \"tls\" to true")
            }
            return nil
        }
        var tls = Settings.PoolTLS()
        // A name in this sense is never an address (RFC 6066 §3).
        tls.sendsServerName = (section.boolean("sni") ?? true) && !isIPv4(url.host) && !isIPv6(url.host)
        tls.fingerprint = fingerprint(of: section)
        tls.verifies = section.boolean("tls-verify") ?? false
        return tls
    }

    /// Anything but a fingerprint is an error: without it, the pool would be used whatever its certificate is.
    private mutating func fingerprint(of section: Section) -> String? {
        let key = "tls-fingerprint"
        guard let text = section.text(key) else { return nil }
        if let fingerprint = Interpretation.fingerprint(text) { return fingerprint }
        let isHexadecimal = text.utf8.allSatisfy { $0 == UInt8(ascii: ":") || $0.isHexDigit }
        let count = text.utf8.filter { $0 != UInt8(ascii: ":") }.count
        findings.fail(
            section.name(of: key), at: section.origin(of: key),
            "expected the SHA-256 of the pool's certificate, 64 hexadecimal digits with or without colons, found "
                + (isHexadecimal ? "\(count) digits" : "other characters"))
        return nil
    }

    /// 64 lower-case digits without colons; nil when `text` is not a SHA-256.
    static func fingerprint(_ text: String) -> String? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: ":") }
        guard digits.count == 64, digits.allSatisfy(\.isHexDigit) else { return nil }
        return String(decoding: digits, as: UTF8.self).lowercased()
    }
}

/// The versions of TLS named by `tls.protocols`.
struct TLSProtocols {
    static let all = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]

    /// In the order of `all`, separated by spaces; nil when there are none.
    let known: String?
    let unknown: [String]

    init(_ text: String) {
        let words = text.split { $0.isWhitespace || $0 == "," }.map(String.init)
        let named = TLSProtocols.all.filter { name in words.contains { $0.lowercased() == name.lowercased() } }
        known = named.isEmpty ? nil : named.joined(separator: " ")
        unknown = words.filter { word in !TLSProtocols.all.contains { $0.lowercased() == word.lowercased() } }
    }
}
