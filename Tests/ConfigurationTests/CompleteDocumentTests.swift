import Testing

@testable import Configuration

/// `GET /1/config` shows every key, whatever sets it.
struct CompleteDocumentTests {
    private func shown(_ text: String?, _ line: String = "") throws -> JSONObject {
        let document = ConfigurationDocument(
            file: text.map { ConfigurationFile(path: "config.json", bytes: Array($0.utf8)) },
            options: options(line), surroundings: .user)
        return try rootObject(of: Array(document.text.utf8), shownName: "document").get()
    }

    /// "http.port", "pools[0].url".
    private func value(_ path: String, in object: JSONObject) -> JSONValue? {
        var value: JSONValue? = .object(object)
        for name in path.split(whereSeparator: { ".[]".contains($0) }) {
            switch value {
            case .object(let object): value = object[String(name)]?.value
            case .array(let nodes): value = Int(name).flatMap { $0 < nodes.count ? nodes[$0].value : nil }
            case .null, .boolean, .integer, .decimal, .text, nil: return nil
            }
        }
        return value
    }

    private static let smallest = #"{"pools": [{"url": "a.example:1"}]}"#

    /// xmrig-proxy's own sample file: all of its keys, in its order.
    @Test(arguments: [(smallest, ""), (nil, "-o a.example:1"), (withPool("\"retries\": 7"), "--http-port 9")])
    func everyKeyOfTheSampleIsThereInItsOrder(text: String?, line: String) throws {
        let shown = try shown(text, line)
        let sample = try rootObject(of: Array(sample.utf8), shownName: "document").get()
        let keys = sample.members.map(\.key)
        #expect(Array(shown.members.map(\.key).prefix(keys.count)) == keys)
        for key in ["http", "api", "tls", "dns"] {
            let wanted = try #require(sample[key]?.object).members.map(\.key)
            #expect(try #require(shown[key]?.object).members.map(\.key) == wanted, "\(key)")
        }
        let pool = try #require(shown["pools"]?.array?.first?.object)
        for member in try #require(sample["pools"]?.array?.first?.object).members {
            #expect(pool[member.key] != nil, "pools[0].\(member.key)")
        }
    }

    @Test func everyKnownKeyThatHasAnEffectIsShown() throws {
        let shown = try shown(Self.smallest)
        // Older and other spellings, and keys that mean something to another program only.
        let others: Set<String> = [
            "algo", "coin", "dns.ipv6", "api.port", "api.access-token", "api.ipv6", "api.restricted", "tls.cert-key",
            "tls.gen", "dry-run", "title",
        ]
        for path in KnownKey.all.map(\.path) where !others.contains(path) {
            #expect(value(path.replacing("[]", with: "[0]"), in: shown) != nil, "\(path)")
        }
    }

    /// The defaults that are shown are those in force.
    @Test func aFileWithEveryShownDefaultMeansTheSame() throws {
        let shown = JSONText.of(try shown(Self.smallest)).replacing("\"***\"", with: "\"x\"")
        let all = resolved(shown)
        #expect(all.errorTexts == [] && all.warningTexts == [])
        #expect(all.settings == resolved(Self.smallest).settings)
    }

    @Test func whatFileAndOptionsSetIsShownInTheirPlace() throws {
        let shown = try shown(
            """
            {"pools": [{"url": "a:1", "user": "w", "pass": "p", "keepalive": 20, "rig-id": null},
                       {"url": "b:2", "enabled": false, "nicehash": true}],
             "bind": ["127.0.0.1:1", {"host": "::1", "port": 2}, "[::]:0"], "workers": "user", "retries": null,
             "dns": {"ttl": 5}, "tls": true, "mine": [1, {"a": 2}]}
            """, "--http-host 0.0.0.0 --access-password s --custom-diff 5000")
        let wanted: [(String, JSONValue?)] = [
            ("pools[0].user", .text("w")), ("pools[0].pass", .text("***")), ("pools[0].keepalive", .integer(20)),
            ("pools[0].rig-id", .null), ("pools[0].tls", .boolean(false)), ("pools[1].enabled", .boolean(false)),
            ("pools[1].nicehash", .boolean(true)), ("pools[1].user", .text("x")), ("bind[0].host", .text("127.0.0.1")),
            ("bind[0].port", .integer(1)), ("bind[1].host", .text("::1")), ("bind[1].tls", .boolean(false)),
            ("bind[2].port", .integer(0)), ("workers", .text("user")), ("retries", .integer(2)),
            ("dns.ttl", .integer(5)), ("dns.ip_version", .integer(0)), ("tls", .boolean(true)),
            ("http.enabled", .boolean(true)), ("http.host", .text("0.0.0.0")), ("http.restricted", .boolean(true)),
            ("access-password", .text("***")), ("custom-diff", .integer(5_000)), ("mine[1].a", .integer(2)),
            ("http.access-token", .null),
        ]
        for (path, wanted) in wanted { #expect(value(path, in: shown) == wanted, "\(path)") }
    }

    @Test func optionsAloneAreShownAsPoolsOfAFile() throws {
        let shown = try shown(nil, "-o a:1 -u w1 -p p1 --rig-id r -k -o b:2 -O w2:p2 -b 127.0.0.1:7 -b [::1]:8")
        for (path, wanted) in [
            ("pools[0].url", JSONValue.text("a:1")), ("pools[0].user", .text("w1")), ("pools[0].rig-id", .text("r")),
            ("pools[0].keepalive", .boolean(true)), ("pools[0].tls", .boolean(false)), ("pools[1].user", .text("w2")),
            ("pools[1].pass", .text("***")), ("pools[1].rig-id", .null), ("bind[1].host", .text("::1")),
            ("bind[1].port", .integer(8)),
        ] { #expect(value(path, in: shown) == wanted, "\(path)") }
        #expect(!JSONText.of(shown).contains("p2"))
    }

    // MARK: - Values that are passed over

    @Test(
        arguments: [
            ("custom-diff-stats", "60", JSONValue.boolean(false)), ("custom-diff-stats", "\"true\"", .boolean(true)),
            ("custom-diff", "\"5000\"", .integer(0)), ("custom-diff", "99", .integer(0)),
            ("custom-diff", "100", .integer(100)),
            ("custom-diff", "2147483647", .integer(0)), ("retries", "0", .integer(2)),
            ("retries", "\"7\"", .integer(7)),
            ("retries", "[7]", .integer(2)), ("retry-pause", "-1", .integer(1)), ("verbose", "-3", .boolean(false)),
            ("verbose", "3", .integer(3)), ("mode", "\"Simple\"", .text("simple")),
            ("mode", "\"extra_nonce\"", .text("nicehash")), ("mode", "7", .text("nicehash")),
            ("workers", "\"hostname\"", .boolean(true)), ("workers", "\"USER\"", .text("user")),
            ("workers", "0", .boolean(true)), ("print-time", "7200", .integer(3_600)),
            ("print-time", "-1", .integer(60)),
            ("print-time", "0", .integer(0)), ("colors", "\"no\"", .boolean(true)),
            ("donate-level", "100", .integer(0)),
            ("algo-ext", "1.5", .boolean(true)), ("watch", "\"false\"", .boolean(false)), ("log-file", "false", .null),
            ("access-log-file", "7", .null),
        ] as [(String, String, JSONValue)])
    func theValueInForceIsShown(_ key: String, _ written: String, _ wanted: JSONValue) throws {
        #expect(value(key, in: try shown(withPool("\"\(key)\": \(written)"))) == wanted)
    }

    @Test(
        arguments: [
            ("dns", #"{"ip_version": 5, "ttl": 0}"#, "dns.ip_version", JSONValue.integer(0)),
            ("dns", #"{"ip_version": 5, "ttl": 0}"#, "dns.ttl", .integer(1)), ("dns", "[]", "dns.ttl", .integer(30)),
            ("dns", #"{"ttl": "9"}"#, "dns.ttl", .integer(9)), ("tls", "7", "tls", .boolean(false)),
            ("http", #"{"enabled": "true", "port": "9"}"#, "http.port", .integer(9)),
            ("bind", #"[{"host": "::1", "port": "5"}]"#, "bind[0].port", .integer(5)),
            ("bind", #""127.0.0.1:6""#, "bind[0].port", .integer(6)),
            ("bind", #"{"host": "::1", "port": 7}"#, "bind[0].port", .integer(7)),
            ("bind", "\"\"", "bind[1].host", .text("::")),
        ] as [(String, String, String, JSONValue)])
    func theValueInForceIsShownInObjects(
        _ key: String, _ written: String, _ path: String, _ wanted: JSONValue
    ) throws {
        #expect(value(path, in: try shown(withPool("\"\(key)\": \(written)"))) == wanted)
    }

    @Test(
        arguments: [
            ("keepalive", "-5", JSONValue.boolean(false)), ("keepalive", "\"20\"", .integer(20)),
            ("rig-id", "7", .null), ("user", "[]", .text("x")), ("enabled", "1", .boolean(true)),
            ("daemon-poll-interval", "\"fast\"", .integer(1_000)),
        ] as [(String, String, JSONValue)])
    func theValueInForceIsShownOfPools(_ key: String, _ written: String, _ wanted: JSONValue) throws {
        #expect(value("pools[0].\(key)", in: try shown(pool("\"url\": \"a\", \"\(key)\": \(written)"))) == wanted)
    }

    @Test(
        arguments: [
            ("null", "tls.enabled", JSONValue.boolean(true)), ("{}", "tls.enabled", .boolean(true)),
            (#"{"enabled": false}"#, "tls.enabled", .boolean(false)), ("null", "tls.cert", .null),
            ("false", "tls", .boolean(false)), ("\"n.farm\"", "tls", .text("n.farm")),
            ("\"false\"", "tls", .boolean(false)), ("{\"gen\": \"n\"}", "tls.gen", .text("n")),
            (#"{"cert": "c", "cert_key": "k"}"#, "tls.cert", .text("c")),
            (#"{"cert": "c", "cert_key": "k"}"#, "tls.cert_key", .text("***")),
            (#"{"cert": "c", "cert-key": "k"}"#, "tls.cert_key", .text("***")),
            // Half a pair is ignored.
            (#"{"cert": "c"}"#, "tls.cert", .null), (#"{"cert_key": "k"}"#, "tls.cert_key", .null),
            (#"{"protocols": "tlsv1.3,x TLSv1.2"}"#, "tls.protocols", .text("TLSv1.2 TLSv1.3")),
            (#"{"protocols": "x"}"#, "tls.protocols", .null), (#"{"dhparam": "d"}"#, "tls.dhparam", .text("d")),
            (#"{"enabled": 5, "ciphers": 7, "ciphersuites": "S"}"#, "tls.ciphersuites", .text("S")),
            (#"{"enabled": 5, "ciphers": 7}"#, "tls.ciphers", .null),
        ] as [(String, String, JSONValue)])
    func theTLSInForceIsShown(_ written: String, _ path: String, _ wanted: JSONValue) throws {
        let text = withPool("\"tls\": \(written)")
        let shown = try shown(text)
        #expect(value(path, in: shown) == wanted)
        let sentBack = resolved(JSONText.of(shown).replacing("\"***\"", with: "\"k\""))
        #expect(sentBack.settings?.tls?.protocols == resolved(text).settings?.tls?.protocols)
        #expect((sentBack.settings?.tls == nil) == (resolved(text).settings?.tls == nil))
    }

    @Test(
        arguments: [
            (#""url": "stratum+ssl://a""#, "tls", JSONValue.boolean(true)), (#""url": "a""#, "tls", .boolean(false)),
            (#""url": "stratum+ssl://a", "tls": false"#, "tls", .boolean(true)),
            (#""url": "a""#, "sni", .boolean(true)),
            (#""url": "a", "tls": "true""#, "tls", .boolean(true)), (#""url": "a""#, "tls-verify", .boolean(false)),
            (#""url": "a", "sni": false"#, "sni", .boolean(false)), (#""url": "a""#, "tls-fingerprint", .null),
            ("\"url\": \"a\", \"tls\": true, \"tls-fingerprint\": \"\(colons)\"", "tls-fingerprint", .text(digits)),
        ] as [(String, String, JSONValue)])
    func theTLSInForceIsShownOfPools(_ members: String, _ key: String, _ wanted: JSONValue) throws {
        let shown = try shown(pool(members))
        #expect(value("pools[0].\(key)", in: shown) == wanted)
        let sentBack = resolved(JSONText.of(shown).replacing("\"***\"", with: "\"x\""))
        #expect(sentBack.settings?.pools == resolved(pool(members)).settings?.pools)
    }

    private static let colons = Array(repeating: "AB", count: 32).joined(separator: ":")
    private static let digits = String(repeating: "ab", count: 32)

    /// A client that sends back what it was shown changes nothing.
    @Test func whatIsShownMeansTheSameAsTheFile() throws {
        let text = withPool(
            """
            "custom-diff-stats": 60, "mode": "extra_nonce", "workers": "hostname", "print-time": 7200, "retries": "7",
            "dns": {"ip_version": 5, "ttl": -4}, "verbose": "loud", "custom-diff": 7
            """)
        let shown = try shown(text)
        let again = resolved(JSONText.of(shown).replacing("\"***\"", with: "\"x\""))
        #expect(again.settings == resolved(text).settings && again.warnings.isEmpty)
    }
}
