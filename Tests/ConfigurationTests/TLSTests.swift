import Testing

@testable import Configuration

/// TLS for miners: `tls`, `bind[].tls` and their options.
struct TLSTests {
    private func warned(_ resolution: Resolution) -> [String] { resolution.warnings.map(\.message) }

    private func resolvedLine(_ line: String, file: String? = nil) -> Resolution {
        resolved(file ?? withPool("\"retries\": 2"), options(line))
    }

    // MARK: - The pair

    @Test func aGeneratedPairIsBesideTheDatabase() {
        for (database, certificate, key) in [
            ("/d/s.sqlite", "/d/cert.pem", "/d/cert_key.pem"), ("/s.sqlite", "/cert.pem", "/cert_key.pem"),
            ("data/../s.sqlite", "/home/ann/work/cert.pem", "/home/ann/work/cert_key.pem"),
        ] {
            let tls = resolved(withPool("\"millrace\": {\"database\": \"\(database)\"}")).settings?.tls
            #expect(tls?.isGenerated == true && tls?.name == nil)
            #expect(tls?.certificateFile == certificate && tls?.keyFile == key)
        }
        let root = resolved(withPool(""), in: Surroundings.user.with { $0.userID = 0 })
        #expect(root.settings?.tls?.keyFile == "/var/lib/millrace/cert_key.pem")
    }

    @Test(arguments: [
        (#"{"cert": "c.pem"}"#, "cert", "its key (\"cert_key\")"),
        (#"{"cert": "/c", "cert_key": ""}"#, "cert", "its key (\"cert_key\")"),
        (#"{"cert_key": "k.pem", "gen": "n"}"#, "cert_key", "its certificate (\"cert\")"),
        (#"{"cert-key": "k.pem", "cert": null}"#, "cert-key", "its certificate (\"cert\")"),
    ])
    func halfAPairIsAWarningAndAGeneratedOneIsUsed(_ tls: String, _ key: String, _ missing: String) {
        let resolution = resolved(withPool("\"tls\": \(tls)"))
        #expect(resolution.settings?.tls?.isGenerated == true)
        #expect(
            resolution.warningTexts.map { $0.drop { $0 != " " } } == [
                " warning: tls.\(key): given without \(missing); the file is ignored and a generated pair is used, "
                    + "as in xmrig-proxy; give both files"
            ])
        #expect(resolution.warnings.first?.line == 3)
    }

    @Test func aNameBesideAnOwnPairIsAWarning() {
        let own = #""tls": {"cert": "/c", "cert_key": "/k""#
        let written = resolved(withPool(own + #", "gen": "n"}"#))
        #expect(written.settings?.tls == .init(certificateFile: "/c", keyFile: "/k"))
        #expect(warned(written) == ["tls.gen: has no effect, because \"cert\" and \"cert_key\" are given"])
        let typed = resolvedLine("--tls-gen n", file: withPool(own + "}"))
        #expect(warned(typed) == ["--tls-gen: has no effect, because \"cert\" and \"cert_key\" are given"])
    }

    @Test func ofTwoKeysTheFirstSpellingIsUsed() {
        for keys in [#""cert-key": "/old", "cert_key": "/new""#, #""cert_key": "/new", "cert-key": "/old""#] {
            let resolution = resolved(withPool("\"tls\": {\"cert\": \"/c\", \(keys)}"))
            #expect(resolution.settings?.tls?.keyFile == "/new" && resolution.warnings.isEmpty)
        }
    }

    @Test func pathsOfOptionsAreRelativeToTheCurrentDirectory() {
        let file = ConfigurationFile(
            path: "/etc/m.json", bytes: Array(withPool(#""tls": {"cert": "c", "dhparam": "d"}"#).utf8))
        let tls = resolve(file: file, options: options("--tls-cert-key k"), surroundings: .user).settings?.tls
        #expect(tls?.certificateFile == "/etc/c" && tls?.keyFile == "/home/ann/work/k")
        #expect(tls?.dhparamFile == "/etc/d" && tls?.isGenerated == false)
    }

    @Test(arguments: ["cert", "cert_key", "cert-key", "dhparam"])
    func aVariableThatIsNotSetIsAWarningAtItsFile(_ key: String) {
        let other = key == "cert" ? "cert_key" : "cert"
        let resolution = resolved(withPool("\"tls\": {\"\(key)\": \"/${NONE}/f\", \"\(other)\": \"/o\"}"))
        #expect(warned(resolution).first == "tls.\(key): the environment variable \"NONE\" is not set and not replaced")
    }

    @Test(arguments: [
        "proxy.farm", "a", "192.0.2.7", "2001:db8::1", "*.farm.example", "my_host-1", "localhost",
    ])
    func aNameIsThatOfTheCertificate(_ name: String) {
        for value in ["\"\(name)\"", "{\"gen\": \"\(name)\"}"] {
            let resolution = resolved(withPool("\"tls\": \(value)"))
            #expect(resolution.settings?.tls == .generated(name) && resolution.warnings.isEmpty)
        }
        #expect(resolvedLine("--tls-gen \(name)").settings?.tls == .generated(name))
    }

    @Test(arguments: ["two words", "a/b", "*", "*.", "a.*.b", "${HOSTNAME}", "[::1]", "1:2", "é", "https://a"])
    func whatIsNoNameIsAWarning(_ name: String) {
        for (value, key) in [("\"\(name)\"", "tls"), ("{\"gen\": \"\(name)\"}", "tls.gen")] {
            let resolution = resolved(withPool("\"tls\": \(value)"))
            #expect(resolution.settings?.tls == .generated())
            #expect(
                warned(resolution) == [
                    "\(key): expected a host name or an address for the generated certificate, "
                        + "found \"\(name)\"; \"localhost\" is used"
                ])
        }
    }

    // MARK: - On and off

    @Test(arguments: [("\"true\"", true), ("\"false\"", false)])
    func aQuotedValueIsNoName(_ value: String, _ isOn: Bool) {
        let resolution = resolved(withPool("\"tls\": \(value)"))
        #expect(resolution.settings?.tls == (isOn ? .generated() : nil))
        #expect(warned(resolution).first?.hasPrefix("tls: found a quoted value") == true)
    }

    @Test(arguments: ["5", "0", "1.5", "[]", "[true]"])
    func aWrongTypeIsOffAsInXmrigProxy(_ value: String) {
        let resolution = resolved(withPool("\"tls\": \(value)"))
        #expect(resolution.settings != nil && resolution.settings?.tls == nil)
        #expect(warned(resolution).count == 1)
        #expect(warned(resolution).first?.hasPrefix("tls: expected true or false, or a string, or an object") == true)
        #expect(warned(resolution).first?.hasSuffix("; TLS for miners is off, as in xmrig-proxy") == true)
    }

    @Test(arguments: ["5", "\"yes\"", "null", "{}"])
    func aWrongEnabledIsOn(_ value: String) {
        let resolution = resolved(withPool("\"tls\": {\"enabled\": \(value)}"))
        #expect(resolution.settings?.tls == .generated())
        #expect(warned(resolution).count == (value == "null" ? 0 : 1))
    }

    @Test func whenOffOnlyUnknownKeysAndWrongTypesAreReported() {
        let resolution = resolved(
            withPool(
                #""tls": {"enabled": false, "cert": "c", "gen": "a b", "protocols": "x", "sert": 1, "dhparam": 7}"#))
        #expect(resolution.settings?.tls == nil)
        #expect(warned(resolution).count == 2)
        #expect(warned(resolution).contains { $0.contains("\"sert\": unknown key, ignored; did you mean \"cert\"?") })
    }

    // MARK: - What is negotiated

    @Test(arguments: [
        ("TLSv1.3", "TLSv1.3"), ("TLSv1.3 TLSv1.2", "TLSv1.2 TLSv1.3"), (" TLSv1.2   TLSv1.2 ", "TLSv1.2"),
        ("TLSv1,TLSv1.1, TLSv1.3", "TLSv1 TLSv1.1 TLSv1.3"), ("tlsv1.2 TLSV1.3", "TLSv1.2 TLSv1.3"),
    ])
    func protocolsAreWords(_ written: String, _ protocols: String) {
        let resolution = resolved(withPool("\"tls\": {\"protocols\": \"\(written)\"}"))
        #expect(resolution.settings?.tls?.protocols == protocols && resolution.warnings.isEmpty)
    }

    @Test(arguments: [
        ("SSLv3 TLSv1.2", "TLSv1.2", "SSLv3"), ("TLSv1.3 TLSv1.4 x", "TLSv1.3", "TLSv1.4"),
        ("all", nil, "all"), ("TLS1.2;TLS1.3", nil, "TLS1.2;TLS1.3"),
    ])
    func anUnknownProtocolIsAWarning(_ written: String, _ protocols: String?, _ shown: String) {
        let resolution = resolved(withPool("\"tls\": {\"protocols\": \"\(written)\"}"))
        #expect(resolution.settings?.tls != nil && resolution.settings?.tls?.protocols == protocols)
        #expect(
            warned(resolution) == [
                "tls.protocols: expected TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, separated by spaces, found \"\(shown)\"; "
                    + (protocols == nil ? "the default (TLSv1.2 TLSv1.3) is used" : "ignored")
            ])
    }

    // MARK: - Addresses

    private static let bind = #"{"host": "::", "port": 1, "tls": true}"#

    @Test func anAddressCanRequireTLS() {
        let binds = resolved(withPool("\"bind\": [\(Self.bind), \"0.0.0.0:2\", {\"host\": \"::\", \"port\": 3}]"))
            .settings?.binds
        #expect(binds?.map(\.requiresTLS) == [true, nil, nil])
        let proxied = #"{"host": "::", "port": 1, "tls": "true", "proxy-protocol": ["10.0.0.1"]}"#
        let bind = resolved(withPool("\"bind\": \(proxied)")).settings?.binds.first
        #expect(bind?.requiresTLS == true && bind?.proxySenders == ["10.0.0.1"])
    }

    @Test(arguments: ["false", #"{"enabled": false}"#, "7"])
    func whenTLSIsOffSuchAnAddressIsIgnored(_ tls: String) {
        let beside = resolved(withPool("\"tls\": \(tls), \"bind\": [\(Self.bind), \"0.0.0.0:2\"]"))
        #expect(beside.settings?.binds == [.init(host: "0.0.0.0", port: 2)])
        let warning =
            "bind[0].tls: TLS for miners is off, so this address is ignored, as in xmrig-proxy; switch it on "
            + "(\"tls\": true beside \"bind\"), or use this address without it"
        #expect(warned(beside).contains(warning))
        let alone = resolved(withPool("\"tls\": \(tls), \"bind\": [\(Self.bind)]"))
        #expect(warned(alone).contains(warning))
        #expect(alone.errors.map(\.message).first?.hasPrefix("bind: no address for miners to connect to") == true)
    }

    // MARK: - Options

    @Test func anOptionAboutTheCertificateSwitchesTLSOn() {
        for tls in ["false", #"{"enabled": false}"#, #"{"enabled": false, "gen": "file"}"#] {
            let file = withPool("\"tls\": \(tls)")
            #expect(resolvedLine("--tls-gen n", file: file).settings?.tls == .generated("n"))
            #expect(resolvedLine("--tls-protocols TLSv1.2", file: file).settings?.tls?.protocols == "TLSv1.2")
            #expect(resolvedLine("-o a --tls", file: file).settings?.tls == nil)
        }
    }

    @Test func anAddressOfAnOptionFollowsTheFile() {
        let off = resolvedLine("--tls-bind 0.0.0.0:1 -b [::]:2", file: withPool("\"tls\": false"))
        #expect(off.settings?.binds == [.init(host: "::", port: 2)])
        #expect(warned(off).map { $0.prefix(47) } == ["--tls-bind: TLS for miners is off, so this addr"])
        #expect(resolvedLine("--tls-bind 0.0.0.0:1").settings?.binds.first?.requiresTLS == true)
    }

    @Test(arguments: ["here", "0.0.0.0", "localhost:1", "0.0.0.0:70000", ":1", "[::1:2", "::1:2"])
    func aWrongAddressOfAnOptionIsAnErrorAsForBind(_ address: String) {
        for option in ["--bind", "--tls-bind"] {
            let resolution = resolvedLine("\(option) \(address)")
            #expect(resolution.settings == nil && resolution.errors.count == 1)
            #expect(resolution.errors.first?.message.hasPrefix("\(option): ") == true)
        }
    }

    @Test func halfAPairOfOptionsIsAWarning() {
        #expect(warned(resolvedLine("--tls-cert c")).first?.hasPrefix("--tls-cert: given without its key") == true)
        let key = warned(resolvedLine("--tls-cert-key k"))
        #expect(key.first?.hasPrefix("--tls-cert-key: given without its certificate") == true)
    }

    // MARK: - Changes

    private func change(_ old: String, _ new: String) throws -> ConfigurationChange {
        ConfigurationChange(
            from: try #require(resolved(withPool(old)).settings), to: try #require(resolved(withPool(new)).settings))
    }

    @Test(arguments: [
        (#""tls": true"#, #""tls": false"#), (#""tls": null"#, #""tls": {"cert": "/c", "cert_key": "/k"}"#),
        (#""tls": "a""#, #""tls": "b""#), (#""tls": {}"#, #""tls": {"protocols": "TLSv1.3"}"#),
        (#""tls": {"ciphers": "a"}"#, #""tls": {"ciphers": "b"}"#), (#""tls": {}"#, #""tls": {"ciphersuites": "b"}"#),
        (#""tls": {}"#, #""tls": {"dhparam": "d"}"#),
    ])
    func aChangeReplacesTheShardsAndTheGateway(_ old: String, _ new: String) throws {
        for change in [try change(old, new), try change(new, old)] {
            #expect(change.changed == ["tls"] && change.replaces == [.shards, .gateway] && change.waiting.isEmpty)
        }
    }

    @Test func theSameInAnotherFormIsNoChange() throws {
        #expect(try change(#""tls": true"#, #""tls": {"enabled": true, "protocols": null}"#).changed == [])
        #expect(try change(#""tls": "n""#, #""tls": {"gen": "n"}"#).changed == [])
    }

    @Test func anAddressThatRequiresTLSReplacesTheShards() throws {
        let plain = #""bind": ["0.0.0.0:1"]"#
        let secure = #""bind": [{"host": "0.0.0.0", "port": 1, "tls": true}]"#
        let change = try change(plain, secure)
        #expect(change.changed == ["bind"] && change.replaces == .shards)
        #expect(change.settings.binds[0].requiresTLS == true)
    }

    @Test func aGeneratedPairMovesWithTheDatabase() throws {
        let moved = #""millrace": {"database": "/d/s""# + "}"
        let generated = try change("\"retries\": 2", moved)
        #expect(generated.changed == ["tls", "millrace.database"] && generated.replaces == .all)
        let own = #""tls": {"cert": "/c", "cert_key": "/k"}"#
        let change = try change(own, own + ", " + moved)
        #expect(change.changed == ["millrace.database"] && change.replaces == [.collector, .gateway])
    }
}
