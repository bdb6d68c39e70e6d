import Testing

@testable import Configuration

/// TLS to pools: the scheme of the `url`, `tls`, `sni`, `tls-fingerprint` and `tls-verify`.
struct PoolTLSTests {
    private static let fingerprint = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    private static let withColons =
        "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08"

    @Test(arguments: [
        #""url": "stratum+ssl://a.example:443""#, #""url": "Stratum+SSL://a.example:443/", "tls": null"#,
        #""url": "stratum+tls://a.example:443""#, #""url": "a.example:443", "tls": true"#,
        #""url": "stratum+tcp://a.example:443", "tls": "true""#,
        // As in xmrig-proxy, whose sample file has "tls": false in every pool.
        #""url": "stratum+ssl://a.example:443", "tls": false"#,
    ])
    func aPoolWithTLSIsUsable(_ members: String) {
        for list in ["{\(members)}", "{\(members)}, {\"url\": \"b\"}", "{\"url\": \"b\"}, {\(members)}"] {
            let resolution = resolved("{\"pools\": [\(list)]}")
            let pool = resolution.settings?.pools.first { $0.host == "a.example" }
            #expect(pool?.tls == .init() && pool?.port == 443)
            #expect(resolution.warnings.allSatisfy { $0.message.contains("found a quoted value") })
        }
    }

    @Test func withoutAPortItIsThatOfPlainPools() {
        #expect(resolved(pool(#""url": "stratum+ssl://a""#)).settings?.pools.first?.port == 3333)
    }

    @Test(arguments: ["a", "stratum+tcp://a:1", "[::1]:1"])
    func aPoolWithoutTLSHasNone(_ url: String) {
        for members in ["", #", "tls": false"#, #", "tls": null, "sni": true"#, #", "tls-verify": false"#] {
            let resolution = resolved(pool("\"url\": \"\(url)\"" + members))
            #expect(resolution.settings?.pools.map(\.tls) == [nil] && resolution.warnings.isEmpty)
        }
    }

    // MARK: - Names

    @Test(arguments: [
        ("a.example", true), ("localhost", true), ("1.2.3.4.example", true), ("192.0.2.1", false),
        ("[2001:db8::1]:1", false), ("[::ffff:192.0.2.1]", false),
    ])
    func theNameOfAHostIsSentAndNoAddress(_ host: String, _ isSent: Bool) {
        let url = "\"url\": \"stratum+ssl://\(host)\""
        for (members, expected) in [("", isSent), (#", "sni": true"#, isSent), (#", "sni": false"#, false)] {
            #expect(resolved(pool(url + members)).settings?.pools.map(\.tls?.sendsServerName) == [expected])
        }
    }

    // MARK: - Certificates

    @Test(arguments: [fingerprint, fingerprint.uppercased(), withColons, withColons.lowercased()])
    func aFingerprintIsTheSameInEachSpelling(_ written: String) {
        let resolution = resolved(pool("\"url\": \"a\", \"tls\": true, \"tls-fingerprint\": \"\(written)\""))
        #expect(resolution.settings?.pools.map(\.tls?.fingerprint) == [Self.fingerprint])
        #expect(resolution.warnings.isEmpty)
        let typed = resolved(nil, options("-o a --tls --tls-fingerprint=\(written)"))
        #expect(typed.settings?.pools == resolution.settings?.pools)
    }

    @Test(arguments: [
        (String(fingerprint.dropLast()), "63 digits"), (fingerprint + "0", "65 digits"), ("ab:cd", "4 digits"),
        (String(fingerprint.prefix(40)), "40 digits"), (":", "0 digits"),
        ("g" + fingerprint.dropFirst(), "other characters"), ("sha256:" + fingerprint, "other characters"),
        (" " + fingerprint, "other characters"), (fingerprint.replacing("0", with: "٠"), "other characters"),
        (withColons.replacing(":", with: " "), "other characters"),
    ])
    func whatIsNoFingerprintIsAnError(_ written: String, _ found: String) {
        let bad = "{\"url\": \"a\", \"tls\": true, \"tls-fingerprint\": \"\(written)\"}"
        let text =
            "pools[0].tls-fingerprint: expected the SHA-256 of the pool's certificate, 64 hexadecimal digits with or "
            + "without colons, found \(found)"
        #expect(
            resolved("{\"pools\": [\(bad)]}").errorTexts == ["config.json:1:57: error: \(text)"])
        // A backup with an unknown certificate must not be used either, nor silently be missing.
        let backup = resolved("{\"pools\": [{\"url\": \"b\"}, \(bad)]}")
        #expect(backup.settings == nil && backup.errors.map(\.message) == [text.replacing("[0]", with: "[1]")])
    }

    @Test(arguments: [
        ("tls-fingerprint", "7"), ("tls-fingerprint", "[]"), ("tls-verify", "1"), ("tls-verify", "\"y\""),
    ])
    func aWrongTypeOfACheckIsAnError(_ key: String, _ value: String) {
        let resolution = resolved(pool("\"url\": \"a\", \"tls\": true, \"\(key)\": \(value)"))
        #expect(resolution.settings == nil)
        #expect(resolution.errors.first?.message.hasPrefix("pools[0].\(key): expected ") == true)
    }

    @Test(arguments: [("null", nil), ("\"\"", nil)] as [(String, String?)])
    func anEmptyFingerprintIsNone(_ written: String, _ fingerprint: String?) {
        let resolution = resolved(pool("\"url\": \"a\", \"tls\": true, \"tls-fingerprint\": \(written)"))
        #expect(resolution.settings?.pools.first?.tls == .init() && resolution.warnings.isEmpty)
    }

    @Test(arguments: ["true", "\"true\""])
    func authoritiesAreAskedOnlyIfWanted(_ value: String) {
        #expect(resolved(pool(#""url": "a", "tls": true"#)).settings?.pools.first?.tls?.verifies == false)
        let verified = resolved(pool("\"url\": \"a\", \"tls\": true, \"tls-verify\": \(value)"))
        #expect(verified.settings?.pools.first?.tls?.verifies == true)
    }

    @Test(arguments: [
        ("tls-fingerprint", "\"\(fingerprint)\""), ("tls-fingerprint", "\"ab\""), ("tls-verify", "true"),
    ])
    func aCheckWithoutTLSIsAWarning(_ key: String, _ value: String) {
        for url in ["a", "stratum+tcp://a"] {
            let resolution = resolved(pool("\"url\": \"\(url)\", \"\(key)\": \(value)"))
            #expect(resolution.settings?.pools.map(\.tls) == [nil])
            #expect(
                resolution.warnings.map(\.message) == [
                    "pools[0].\(key): has no effect, because the connection to this pool is not encrypted; "
                        + "set \"tls\" to true"
                ])
        }
    }

    @Test func aMisspeltCheckIsNamed() {
        for (key, meant) in [("tls_fingerprint", "tls-fingerprint"), ("tls-verfy", "tls-verify")] {
            let warnings = resolved(pool("\"url\": \"a\", \"tls\": true, \"\(key)\": true")).warnings.map(\.message)
            #expect(warnings.count == 1 && warnings[0].contains("did you mean \"\(meant)\"?"))
        }
    }

    // MARK: - Documents of the API

    private func receive(_ file: String, _ change: (String) -> String) -> ConfigurationDocument.Reception {
        let document = ConfigurationDocument(
            file: ConfigurationFile(path: "config.json", bytes: Array(file.utf8)), options: [], surroundings: .user)
        return document.receive(Array(change(document.text).utf8))
    }

    @Test func aDocumentCanChangeTLSOfAPool() throws {
        let reception = receive(pool(#""url": "a:1""#)) {
            $0.replacing("\"tls\": false,\n            \"sni\"", with: "\"tls\": true,\n            \"sni\"")
                .replacing("\"tls-fingerprint\": null", with: "\"tls-fingerprint\": \"\(Self.withColons)\"")
        }
        guard case .accepted(let settings, let warnings, let text, _) = reception else {
            Issue.record("\(reception)")
            return
        }
        #expect(settings.pools.first?.tls?.fingerprint == Self.fingerprint && warnings.isEmpty)
        #expect(resolved(text).settings == settings)
    }

    @Test func aFingerprintOfADocumentIsCheckedLikeThatOfAFile() {
        let reception = receive(pool(#""url": "stratum+ssl://a:1""#)) {
            $0.replacing("\"tls-fingerprint\": null", with: "\"tls-fingerprint\": \"ab\"")
        }
        guard case .refused(let errors) = reception else {
            Issue.record("\(reception)")
            return
        }
        #expect(errors.map(\.message).first?.hasPrefix("pools[0].tls-fingerprint: expected the SHA-256") == true)
    }

    /// Also where the document shows another value than the file: TLS of a URL, another spelling, half a pair.
    @Test(arguments: [
        pool(#""url": "stratum+ssl://a:1""#), pool("\"url\": \"a\", \"tls-fingerprint\": \"\(withColons)\""),
        withPool(#""tls": {"cert": "c"}"#), withPool(#""tls": {"cert": "c", "cert-key": "k"}"#),
        withPool(#""tls": {"protocols": "tlsv1.3 x"}"#), withPool(#""tls": 7"#), withPool(#""tls": "false""#),
    ])
    func aDocumentThatIsSentBackChangesNothing(_ file: String) {
        #expect(receive(file) { $0 } == .unchanged)
    }

    @Test func aDocumentCanSwitchTLSForMinersOff() {
        let reception = receive(withPool(#""tls": {"cert": "/c", "cert_key": "/k"}"#)) {
            $0.replacing("\"tls\": {\n        \"enabled\": true", with: "\"tls\": {\n        \"enabled\": false")
        }
        guard case .accepted(let settings, _, let text, _) = reception else {
            Issue.record("\(reception)")
            return
        }
        #expect(settings.tls == nil)
        #expect(text.contains("\"cert_key\": \"/k\""))
    }

    // MARK: - Changes

    @Test(arguments: [
        ("", #", "tls": true"#), (#", "tls": true"#, #", "tls": true, "sni": false"#),
        (#", "tls": true"#, #", "tls": true, "tls-verify": true"#),
        (#", "tls": true"#, ", \"tls\": true, \"tls-fingerprint\": \"\(fingerprint)\""),
    ])
    func aChangeIsAChangeOfThePools(_ old: String, _ new: String) throws {
        let before = try #require(resolved(pool("\"url\": \"a\"" + old)).settings)
        let after = try #require(resolved(pool("\"url\": \"a\"" + new)).settings)
        for change in [ConfigurationChange(from: before, to: after), ConfigurationChange(from: after, to: before)] {
            #expect(change.changed == ["pools"] && change.replaces == .shards)
        }
    }

    @Test func theSameInAnotherSpellingIsNoChange() throws {
        let tail = "\"tls-fingerprint\": "
        let one = resolved(pool("\"url\": \"stratum+ssl://a\", \(tail)\"\(Self.withColons)\"")).settings
        let other = resolved(pool("\"url\": \"a\", \"tls\": true, \(tail)\"\(Self.fingerprint)\"")).settings
        #expect(one != nil && one == other)
    }
}
