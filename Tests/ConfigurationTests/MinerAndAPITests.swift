import Testing

@testable import Configuration

struct MinerTests {
    @Test func addressesAreTextsOrObjects() {
        let settings = resolved(
            withPool(
                #"""
                "bind": ["0.0.0.0:3333", "[::]:3334", {"host": "[::1]", "port": 1}, {"host": "127.0.0.1", "port": 2}]
                """#)
        ).settings
        #expect(
            settings?.binds == [
                .init(host: "0.0.0.0", port: 3333), .init(host: "::", port: 3334), .init(host: "::1", port: 1),
                .init(host: "127.0.0.1", port: 2),
            ])
    }

    /// IPv6 in every place that takes an address, with and without brackets where both can be told apart.
    @Test func iPv6IsUnderstoodEverywhere() throws {
        let settings = try #require(
            resolved(
                """
                {"pools": [{"url": "[2001:db8::7]"}, {"url": "stratum+tcp://[fe80::1%eth0]:1"}],
                 "bind": ["[::]:1", "[fe80::1%eth0]:2", {"host": "::1", "port": 3}, {"host": "[::2]", "port": 4}],
                 "http": {"enabled": true, "host": "[::1]"}}
                """
            ).settings)
        #expect(settings.pools.map(\.name) == ["[2001:db8::7]:3333", "[fe80::1%eth0]:1"])
        #expect(settings.binds.map(\.host) == ["::", "fe80::1%eth0", "::1", "::2"])
        #expect(settings.api?.host == "::1")
        let line = ["-o", "[::1]:5", "-b", "[::2]:6", "--http-host", "::3"]
        let typed = try #require(resolved(nil, CommandLineReading(line).options).settings)
        #expect(typed.pools.map(\.host) + typed.binds.map(\.host) == ["::1", "::2"] && typed.api?.host == "::3")
    }

    @Test(arguments: [
        (#""localhost:1""#, "expected a numeric address and a port, such as 0.0.0.0:3333 or [::]:3333"),
        (#""0.0.0.0""#, "expected a numeric address and a port, such as 0.0.0.0:3333 or [::]:3333"),
        (#""1.2.3.256:1""#, "expected a numeric address and a port, such as 0.0.0.0:3333 or [::]:3333"),
        (#""0.0.0.0:65536""#, "expected a port from 0 to 65535 after ':'"),
        ("3333", "expected \"address:port\" or an object with \"host\" and \"port\", found a number"),
        (#"{"host": "::"}"#, "expected \"host\" and \"port\""), (#"{"port": 1}"#, "expected \"host\" and \"port\""),
    ])
    func aWrongAddressIsAnError(_ entry: String, _ message: String) {
        #expect(resolved(withPool("\"bind\": [\(entry)]")).errors.map(\.message) == ["bind[0]: \(message)"])
    }

    private func withSenders(_ senders: String) -> Resolution {
        resolved(withPool(#""bind": [{"host": "::", "port": 1, "proxy-protocol": \#(senders)}]"#))
    }

    @Test func sendersOfProxyHeadersAreAddressesAndPrefixes() {
        let list = ["10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1", "::ffff:10.0.0.1/128"]
        let found = withSenders("[" + list.map { "\"\($0)\"" }.joined(separator: ", ") + "]")
        #expect(found.settings?.binds == [.init(host: "::", port: 1, proxyProtocol: list)])
        #expect(found.warnings.isEmpty)
        for none in ["[]", "false", "null"] {
            #expect(withSenders(none).settings?.binds == [.init(host: "::", port: 1)])
            #expect(withSenders(none).warnings.isEmpty)
        }
    }

    @Test(arguments: [
        (
            "true",
            "expected a list of the balancers to trust (otherwise any client could claim any address), such as "
                + "[\"192.0.2.7\", \"10.0.0.0/8\"], found true or false"
        ),
        (
            "\"10.0.0.1\"",
            "expected a list of the balancers to trust, such as [\"192.0.2.7\", \"10.0.0.0/8\"], found a string"
        ),
        ("2", "expected a list of the balancers to trust, such as [\"192.0.2.7\", \"10.0.0.0/8\"], found a number"),
        ("{}", "expected a list of the balancers to trust, such as [\"192.0.2.7\", \"10.0.0.0/8\"], found an object"),
    ])
    func sendersThatAreNoListAreAnError(_ value: String, _ message: String) {
        #expect(withSenders(value).errors.map(\.message) == ["bind[0].proxy-protocol: \(message)"])
    }

    @Test(arguments: [
        "\"10.0.0.0/33\"", "\"balancer.example\"", "\"\"", "\"fe80::1%eth0\"", "\"10.0.0.1:80\"", "\"[::1]\"",
        "\"::/129\"",
        "\"10.0.0.0/\"", "\"10.0.0.0/+8\"", "7", "null", "[\"10.0.0.1\"]",
    ])
    func aSenderThatIsNoAddressIsAnError(_ entry: String) {
        let errors = withSenders("[\"10.0.0.1\", \(entry)]").errors
        #expect(errors.count == 1 && errors.first?.line == 3)
        #expect(
            errors.first?.message.hasPrefix(
                "bind[0].proxy-protocol[1]: expected a numeric address or a prefix, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8"
            )
                == true)
    }

    @Test func toTrustEveryoneIsAWarningAndSoIsAMisspeltKey() {
        for all in ["0.0.0.0/0", "::/0"] {
            let warnings = withSenders("[\"\(all)\"]").warnings.map(\.message)
            #expect(warnings.count == 1 && warnings[0].contains("lets every client claim any address"), "\(warnings)")
        }
        let misspelt = resolved(withPool(#""bind": [{"host": "::", "port": 1, "proxy_protocol": ["10.0.0.1"]}]"#))
        #expect(misspelt.warnings.map(\.message).first?.contains("proxy-protocol") == true)
    }

    @Test func aWrongPortHasOneErrorOfItsOwn() {
        #expect(
            resolved(withPool(#""bind": [{"host": "::", "port": 65536}]"#)).errors.map(\.message)
                == ["bind[0].port: expected a number from 0 to 65535, found 65536"])
    }

    @Test func theSameAddressTwiceIsBoundOnce() {
        let resolution = resolved(withPool(#""bind": ["0.0.0.0:1", {"host": "0.0.0.0", "port": 1}]"#))
        #expect(resolution.settings?.binds.count == 1)
        #expect(resolution.warnings.map(\.message) == ["bind[1]: duplicate address, ignored"])
    }

    @Test(arguments: [
        ("true", Settings.WorkerNaming.rigID), ("false", .none), ("null", .rigID), ("\"USER\"", .user),
        ("\"none\"", .none), ("\"rig_id\"", .rigID), ("\"password\"", .password), ("\"ip\"", .ip),
    ])
    func workersAreNamedByBooleanOrWord(_ value: String, _ naming: Settings.WorkerNaming) {
        let resolution = resolved(withPool("\"workers\": \(value)"))
        #expect(resolution.settings?.workerNaming == naming)
        #expect(resolution.warnings.isEmpty)
    }

    @Test func anUnknownNamingMeansRigIDAndAWarning() {
        let resolution = resolved(withPool(#""workers": "rig-id""#))
        #expect(resolution.settings?.workerNaming == .rigID)
        #expect(resolution.warnings.first?.message.hasSuffix("rig_id is used; did you mean \"rig_id\"?") == true)
    }

    @Test(arguments: [(0, 0, 0), (99, 0, 1), (100, 100, 0), (2_147_483_646, 2_147_483_646, 0), (2_147_483_647, 0, 1)])
    func aCustomDifficultyOutOfRangeIsIgnoredWithAWarning(_ given: Int, _ used: UInt64, _ warnings: Int) {
        let resolution = resolved(withPool("\"custom-diff\": \(given)"))
        #expect(resolution.settings?.customDifficulty == used)
        #expect(resolution.warnings.count == warnings)
        let message = "custom-diff: expected 0 or a number from 100 to 2147483646, found \(given); ignored"
        #expect(resolution.warnings.allSatisfy { $0.message == message })
    }

    @Test func extraNonceFallsBackToNicehash() {
        let resolution = resolved(withPool("\"mode\": \"extra_nonce\""))
        #expect(resolution.errors.isEmpty)
        #expect(resolution.warnings.map(\.message) == ["mode: \"extra_nonce\" is not supported yet, nicehash is used"])
    }

    @Test(arguments: [("nicehash", true), ("simple", true), ("simple", false)])
    func loginsArePassedInSimpleModeOnly(_ mode: String, _ passes: Bool) {
        let resolution = resolved(withPool("\"mode\": \"\(mode)\", \"millrace\": {\"pass-login\": \(passes)}"))
        #expect(resolution.settings?.passesLogins == passes)
        let warning = "millrace.pass-login: has an effect only with \"mode\": \"simple\""
        #expect(resolution.warnings.map(\.message) == (mode == "simple" ? [] : [warning]))
    }

    @Test(arguments: ["smart", "proxy", "nice-hash", "extranonce"])
    func anUnknownModeMeansNicehashAndAWarning(_ mode: String) {
        let resolution = resolved(withPool("\"mode\": \"\(mode)\""))
        #expect(resolution.errors.isEmpty)
        #expect(
            resolution.warnings.map(\.message) == [
                "mode: expected one of nicehash, simple, extra_nonce, found \"\(mode)\"; "
                    + "the default is used, as in xmrig-proxy"
            ])
    }

    @Test(arguments: ["0.0.0.0", "255.1.20.3"]) func thisIsIPv4(_ text: String) { #expect(isIPv4(text)) }

    @Test(arguments: ["1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "+1.2.3.4", "1..2.3", "a.b.c.d", "", "1.2.3.4 "])
    func thisIsNoIPv4(_ text: String) { #expect(!isIPv4(text)) }

    @Test(arguments: [
        "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "::ffff:192.0.2.1", "64:ff9b::192.0.2.33",
        "1:2:3:4:5:6:192.0.2.1", "fe80::1%eth0", "fe80::1%2", "fe80::1%br-lan_1.5", "ABCD:ef01::", "1:2:3:4:5:6:7::",
    ])
    func thisIsIPv6(_ text: String) { #expect(isIPv6(text)) }

    @Test(arguments: [
        "", ":", ":::", "1", "::1%sixteen-letters_", "::1%a b", "::1%a/b", "::1%\u{1b}", "::1%é", "1%1::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "::1%",
        "1:2:3:4:5:6:7:8::", "192.0.2.1::", "::192.0.2.1:1", "1:2:3:4:5:6:7:1.2.3.4", ":1::", "1.2.3.4",
    ])
    func thisIsNoIPv6(_ text: String) { #expect(!isIPv6(text)) }
}

struct APITests {
    @Test func theAPIObjectOfTheFirstGenerationListensEverywhere() {
        let settings = resolved(
            withPool(#""api": {"port": 8080, "access-token": "secret", "worker-id": "proxy"}"#)
        ).settings
        var api = Settings.API(host: "0.0.0.0", port: 8080)
        (api.accessToken, api.workerID) = ("secret", "proxy")
        #expect(settings?.api == api)
    }

    @Test(arguments: [
        #""api": {"port": 0, "access-token": "t"}"#, #""api": {"id": "a"}"#, #""http": {"port": 8080}"#,
        #""http": {"enabled": false, "port": 8080}"#, #""http": null"#,
    ])
    func itIsOffUnlessSwitchedOn(_ members: String) {
        let resolution = resolved(withPool(members))
        #expect(resolution.errors.isEmpty && resolution.warnings.isEmpty)
        #expect(resolution.settings?.api == nil)
    }

    @Test func anEnabledHTTPObjectOutranksTheOldPort() {
        let resolution = resolved(
            withPool(#""api": {"port": 1, "access-token": "t", "id": "i"}, "http": {"enabled": true, "port": 2}"#))
        var api = Settings.API(host: "127.0.0.1", port: 2)
        api.id = "i"
        #expect(resolution.settings?.api == api)
        #expect(resolution.warnings.map(\.message) == ["api.port: ignored, because \"http\" is enabled"])
    }

    @Test func aDisabledHTTPObjectLeavesTheOldPort() {
        let settings = resolved(
            withPool(#""api": {"port": 1, "ipv6": true, "restricted": false}, "http": {"enabled": false, "port": 2}"#)
        ).settings
        var api = Settings.API(host: "::", port: 1)
        api.isRestricted = false
        #expect(settings?.api == api)
    }

    @Test func anEmptyTokenIsNone() throws {
        let http = resolved(withPool(#""http": {"enabled": true, "access-token": ""}"#)).settings
        #expect(try #require(http?.api).accessToken == nil)
        let old = resolved(withPool(#""api": {"port": 1, "access-token": ""}"#)).settings
        #expect(try #require(old?.api).accessToken == nil)
    }
}
