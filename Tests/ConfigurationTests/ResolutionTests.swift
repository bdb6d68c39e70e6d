import Testing

@testable import Configuration

struct ResolutionTests {
    @Test func theSampleOfXmrigProxyResolvesWithoutAWarning() throws {
        let resolution = resolved(sample)
        let settings = try #require(resolution.settings)
        #expect(resolution.errors.isEmpty)
        #expect(resolution.warningTexts == [])
        #expect(settings.tls?.isGenerated == true)
        #expect(settings.binds == [.init(host: "0.0.0.0", port: 3333), .init(host: "::", port: 3333)])
        #expect(
            settings.pools
                == [.init(host: "pool.example.com", port: 3333, user: "YOUR_WALLET_ADDRESS", password: "x")])
        #expect(settings.api == nil)
        #expect(settings.retries == 2 && settings.retryPauseSeconds == 1)
        #expect(settings.workerNaming == .rigID && settings.offersAlgoExtension && settings.usesColors)
        #expect(settings.shards == 1 && settings.shardsMax == 4)
    }

    @Test func aFileThatSaysOnlyItsPoolHasAllDefaults() throws {
        var expected = Settings()
        expected.pools = [.init(host: "pool.example", port: 3333, user: "x", password: "x")]
        expected.shardsMax = 4
        expected.runDirectory = "/run/user/1000/millrace"
        expected.database = "/home/ann/.local/state/millrace/statistics.sqlite"
        expected.tls = .generated()
        let resolution = resolved(pool(#""url": "pool.example""#))
        #expect(resolution.settings == expected)
        #expect(resolution.warnings.isEmpty)
    }

    @Test func everySupportedKeyArrivesInItsSetting() throws {
        let settings = try #require(
            resolved(
                withPool(
                    #"""
                    "retries": 7, "retry-pause": 9, "user-agent": "ua/1", "dns": {"ip_version": 6, "ttl": 60},
                    "bind": ["127.0.0.1:1"], "access-password": "let me in", "algo-ext": false,
                    "custom-diff": 5000, "custom-diff-stats": true, "workers": "agent",
                    "http": {"enabled": true, "host": "::1", "port": 8080, "access-token": "t", "restricted": false},
                    "api": {"id": "me", "worker-id": "w"}, "log-file": "x.log", "verbose": 2, "colors": false,
                    "millrace": {"shards": 3, "run-dir": "r", "database": "/d", "log-format": "json",
                        "metrics-per-worker": 50, "keep-connections": false, "guard-pools": false,
                        "limits": {"connections": 1, "waiting": 2, "logins": 3, "burst": 4, "faults": 5, "ban": 6, "dry-run": true,
                            "allow": ["10.0.0.0/8"], "deny": ["::1", "192.0.2.7"], "allow-file": "a", "deny-file": "/d"}}
                    """#)
            ).settings)
        #expect(settings.retries == 7 && settings.retryPauseSeconds == 9 && settings.userAgent == "ua/1")
        #expect(settings.dns.ipVersion == 6 && settings.dns.ttlSeconds == 60)
        #expect(settings.binds == [.init(host: "127.0.0.1", port: 1)])
        #expect(settings.accessPassword == "let me in" && !settings.offersAlgoExtension)
        #expect(settings.customDifficulty == 5000 && settings.countsCustomDifficulty)
        #expect(settings.workerNaming == .agent)
        var api = Settings.API(host: "::1", port: 8080)
        (api.accessToken, api.isRestricted, api.id, api.workerID) = ("t", false, "me", "w")
        #expect(settings.api == api)
        #expect(settings.logFile == "/home/ann/work/x.log" && settings.isVerbose && !settings.usesColors)
        #expect(settings.shards == 3 && settings.runDirectory == "/home/ann/work/r" && settings.database == "/d")
        #expect(settings.logFormat == .json && settings.metricsPerWorker == 50)
        #expect(!settings.keepsConnections && !settings.guardsPools)
        var limits = Settings.Limits()
        (limits.connections, limits.waiting, limits.logins, limits.burst) = (1, 2, 3, 4)
        (limits.faults, limits.banSeconds, limits.isDryRun) = (5, 6, true)
        (limits.allowed, limits.denied) = (["10.0.0.0/8"], ["::1", "192.0.2.7"])
        (limits.allowFile, limits.denyFile) = ("/home/ann/work/a", "/d")
        #expect(settings.limits == limits)
    }

    @Test func allErrorsAreReportedInTheOrderOfTheFile() {
        let resolution = resolved(
            """
            {
                "retries": 0,
                "colors": "yes",
                "pools": [{"url": "a:99999"}, 7],
                "http": {"enabled": true, "host": "localhost"},
                "bind": []
            }
            """)
        #expect(resolution.settings == nil)
        #expect(
            resolution.errorTexts == [
                "config.json:4:23: error: pools[0].url: expected a port from 1 to 65535 after ':'",
                "config.json:4:35: error: pools[1]: expected an object, found a number",
                "config.json:5:39: error: http.host: expected a numeric address such as 127.0.0.1, 0.0.0.0 or ::1, "
                    + "found \"localhost\"",
                "config.json:6:13: error: bind: no address for miners to connect to; "
                    + "expected at least one, such as \"0.0.0.0:3333\"",
            ])
        #expect(
            resolution.warningTexts == [
                "config.json:2:16: warning: retries: expected a number from 1 to 1000, found 0; "
                    + "the default is used, as in xmrig-proxy",
                "config.json:3:15: warning: colors: expected true or false, found a string; "
                    + "the default is used, as in xmrig-proxy",
            ])
    }

    @Test func aSyntaxErrorIsReportedWithItsPlace() {
        #expect(
            resolved("{\n  \"retries\": 1\n  \"mode\": 2\n}").errorTexts
                == ["config.json:3:3: error: expected ',' or '}' after a member"])
        #expect(resolved("[]").errorTexts == ["config.json:1:1: error: expected an object ('{'), found a list"])
    }

    @Test(arguments: [
        (#""retrys": 1"#, #""retrys": unknown key, ignored; did you mean "retries"?"#),
        (#""retry_pause": 1"#, #""retry_pause": unknown key, ignored; did you mean "retry-pause"?"#),
        (#""http": {"prot": 1}"#, #"http: "prot": unknown key, ignored; did you mean "port"?"#),
        (#""shards": 1"#, #""shards": unknown key, ignored; did you mean "millrace.shards"?"#),
        (#""user": "u""#, #""user": unknown key, ignored; did you mean "pools[].user"?"#),
        (#""http": {"id": 1}"#, #"http: "id": unknown key, ignored; did you mean "api.id"?"#),
        (#""port": 1"#, #""port": unknown key, ignored; did you mean "bind[].port" or "http.port" or "api.port"?"#),
        (#""": 1"#, #""": unknown key, ignored"#),
        (#""pools.url": 1"#, #""pools.url": unknown key, ignored; did you mean "pools"?"#),
        (#""frobnicate": 1"#, #""frobnicate": unknown key, ignored"#),
        ("\"a\\u001b[31m\": 1", #""a?[31m": unknown key, ignored"#),
        (#""retries": 3, "retries": 4"#, "retries: duplicate key; the first one is used"),
    ])
    func anUnknownKeyIsAWarningWithTheNearestName(_ member: String, _ message: String) {
        let resolution = resolved(withPool(member))
        #expect(resolution.settings != nil)
        #expect(resolution.warnings.map(\.message) == [message])
        #expect(resolution.warnings.first?.line == 3)
    }

    @Test(arguments: [
        (#""acces-password": "p""#, "\"access-password\"? Without it no password is in force: any miner"),
        (#""Password": "p""#, "\"access-password\"? Without it no password is in force"),
        (#""accesPasword": "p""#, "\"access-password\"? Without it no password"),
        (#""http": {"acess_token": "t"}"#, "\"access-token\"? Without it no token is in force: any client"),
        (#""http": {"api-token": "t"}"#, "\"access-token\"? Without it no token is in force"),
        (#""api": {"access-tokn": "t"}"#, "\"access-token\"? Without it no token is in force"),
        (#""acces-token": "t""#, "\"http.access-token\" or \"api.access-token\"? Without it no token is in force"),
        (#""bnd": "127.0.0.1:3333""#, "\"bind\"? Without it the default is in force: miners are accepted"),
    ])
    func aSlipInAKeyThatProtectsSomethingNamesWhatIsOpen(_ member: String, _ words: String) {
        let warnings = resolved(withPool(member)).warnings.map(\.message)
        #expect(warnings.count == 1 && warnings[0].contains("did you mean \(words)"), "\(warnings)")
    }

    @Test(arguments: [
        #"{"pools": [{"url": "a", "user": "u", "enabeld": false}]}"#,
        #"{"pools": [{"url": "a", "usr": "u"}]}"#, #"{"pools": [{"url": "a", "user": "u", "tsl": true}]}"#,
    ])
    func aSlipInAPoolNamesItsConsequence(_ file: String) {
        #expect(resolved(file).warnings.contains { $0.message.contains("? Without it ") })
    }

    @Test(arguments: [
        #""access-password": "p", "acces-password": "q""#, #""retrys": 1"#, #""http": {"prot": 1}"#,
        #""http": {"access-token": "t", "acces-token": "u"}"#,
    ])
    func whatIsInForceIsNotSaidToBeOpen(_ member: String) {
        #expect(resolved(withPool(member)).warnings.allSatisfy { !$0.message.contains("Without it") })
    }

    @Test func everyConsequenceIsThatOfAKey() {
        #expect(Set(KnownKey.consequences.keys).isSubset(of: KnownKey.all.map(\.path)))
    }

    @Test func aKeyGivenTwiceCountsOnceAtEveryDepth() {
        let resolution = resolved(
            #"""
            {"pools": [{"url": "a", "url": "b", "user": null, "user": "u"}], "pools": [],
             "http": {"enabled": true, "port": 1, "port": 2}, "http": {"port": 3}, "retries": 5, "retries": "x"}
            """#)
        #expect(resolution.settings?.pools == [.init(host: "a", port: 3333, user: "x", password: "x")])
        #expect(resolution.settings?.api?.port == 1 && resolution.settings?.retries == 5)
        #expect(
            resolution.warnings.map(\.message) == [
                "pools[0].url: duplicate key; the first one is used",
                "pools[0].user: duplicate key; the first one is used",
                "pools: duplicate key; the first one is used", "http.port: duplicate key; the first one is used",
                "http: duplicate key; the first one is used", "retries: duplicate key; the first one is used",
            ])
    }

    @Test(arguments: [
        (#""background": true"#, "background"),
        (#""access-log-file": "a.log""#, "access-log-file"), (#""donate-level": 1"#, "donate-level"),
        (#""dns": {"ipv6": true}"#, "dns.ipv6"),
    ])
    func aKeyThatIsNotSupportedYetIsOneWarning(_ member: String, _ key: String) {
        let resolution = resolved(withPool(member))
        #expect(resolution.errors.isEmpty)
        #expect(resolution.warnings.map(\.message) == ["\(key): not supported yet, ignored"])
    }

    @Test func harmlessKeysAreSilent() {
        let resolution = resolved(
            withPool(
                #"""
                "background": false, "syslog": false, "donate-level": 0, "access-log-file": null, "title": "x",
                "print-time": 60, "autosave": true, "watch": false, "debug": false, "tls": {"enabled": false},
                "reuse-timeout": 0, "mode": "NiceHash", "dns": null, "api": {"port": 0}
                """#))
        #expect(resolution.errors.isEmpty && resolution.warnings.isEmpty)
    }

    @Test func thousandsOfFindingsAreCutShort() {
        let members = (0..<20_000).map { "\"k\($0)\": 1" }.joined(separator: ",")
        let resolution = resolved(withPool(members + ", \"access-password\": \"p\", \"retries\": 3"))
        let warnings = resolution.warnings
        #expect(warnings.count == Findings.limitPerSeverity + 1)
        #expect(warnings.last?.message == "more than 100 of these; the others are not shown")
        // What comes behind them still counts.
        #expect(resolution.settings?.accessPassword == "p" && resolution.settings?.retries == 3)
    }

    @Test func messagesNeverHoldSecrets() {
        let secret = "hunter2"
        let resolution = resolved(
            """
            {"pools": [{"url": "u:\(secret)@a:1", "pass": "\(secret)"}, {"url": "a", "pass": "${\(secret)-}${X}"},
            {"url": "\(secret)://a"}, {"url": 1, "user": ["\(secret)"], "rig-id": "\(String(repeating: secret, count: 200))"}],
            "access-password": ["\(secret)"], "http": {"enabled": true, "access-token": {"a": "\(secret)"}}}
            """)
        #expect(resolution.errors.count == 3)
        #expect(!(resolution.errorTexts + resolution.warningTexts).joined().contains(secret))
    }

    @Test func withoutFileAndOptionsTheErrorSaysWhatToDo() {
        #expect(
            resolved(nil).errorTexts == [
                "error: no pool is enabled; add an enabled pool with a \"url\" to \"pools\", or give one with --url"
            ])
    }
}
