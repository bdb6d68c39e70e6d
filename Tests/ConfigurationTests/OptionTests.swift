import Testing

@testable import Configuration

struct OptionTests {
    private func scanned(_ line: String) -> [GivenOption] {
        CommandLineReading(line.split(separator: " ").map(String.init)).options
    }

    private func resolvedLine(_ line: String, file: String? = nil) -> Resolution { resolved(file, scanned(line)) }

    @Test func aCommandLineIsReadInOrder() {
        #expect(
            scanned("--log-format json -o a:1 -ub -p=c -kr 5 --url=d --verbose -- -o e") == [
                GivenOption("log-format", "json"), GivenOption("url", "a:1"), GivenOption("user", "b"),
                GivenOption("pass", "c"), GivenOption("keepalive"), GivenOption("retries", "5"),
                GivenOption("url", "d"), GivenOption("verbose"),
            ])
        #expect(scanned("status --json -z - --unknown=1").isEmpty)
    }

    @Test func optionsAfterAPoolBelongToIt() {
        let pools = resolvedLine("-u early -o a -p pa -o b -k --rig-id r -o c -O user:1:pw -a rx/wow").settings?.pools
        let first = Settings.Pool(host: "a", port: 3333, user: "early", password: "pa")
        var second = Settings.Pool(host: "b", port: 3333, user: "x", password: "x")
        (second.rigID, second.keepaliveSeconds) = ("r", 60)
        var third = Settings.Pool(host: "c", port: 3333, user: "user:1", password: "pw")
        third.algorithm = "rx/wow"
        #expect(pools == [first, second, third])
    }

    @Test func aPoolWithoutUserDoesNotTakeItsNeighbours() {
        #expect(resolvedLine("-o a -u x1 -o b").settings?.pools.map(\.user) == ["x1", "x"])
        #expect(resolvedLine("-o a -o b -u x2").settings?.pools.map(\.user) == ["x", "x2"])
    }

    @Test func optionsWinOverTheFile() throws {
        let file = """
            {"pools": [{"url": "a"}, {"url": "b"}], "retries": 9, "retry-pause": 8, "bind": ["0.0.0.0:1"],
            "workers": "ip", "http": {"enabled": false, "host": "::1", "port": 5}, "millrace": {"shards": 9}}
            """
        let settings = try #require(
            resolvedLine("-o c -r 3 -b [::]:2 --bind 127.0.0.1:3 --no-workers --http-port 6 --shards 2", file: file)
                .settings)
        #expect(settings.pools.map(\.host) == ["c"])
        #expect(settings.retries == 3 && settings.retryPauseSeconds == 8 && settings.shards == 2)
        #expect(settings.binds == [.init(host: "::", port: 2), .init(host: "127.0.0.1", port: 3)])
        #expect(settings.workerNaming == .none)
        #expect(settings.api == .init(host: "::1", port: 6))
    }

    @Test func everySupportedOptionArrivesInItsSetting() throws {
        let settings = try #require(
            resolvedLine(
                "-o a --coin xmr -R 4 --user-agent ua -6 --dns-ttl 9 --custom-diff 100 --custom-diff-stats "
                    + "--access-password s --workers agent --no-algo-ext -m nicehash --http-host ::1 "
                    + "--http-access-token t --http-no-restricted --api-worker-id w --api-id i -l f --log-format json "
                    + "--no-color --verbose --shards auto --run-dir /r --database /d"
            ).settings)
        #expect(settings.pools.first?.algorithm == "rx/0")
        #expect(settings.retryPauseSeconds == 4 && settings.userAgent == "ua")
        #expect(settings.dns.ipVersion == 6 && settings.dns.ttlSeconds == 9)
        #expect(settings.customDifficulty == 100 && settings.countsCustomDifficulty)
        #expect(settings.accessPassword == "s" && settings.workerNaming == .agent && !settings.offersAlgoExtension)
        var api = Settings.API(host: "::1", port: 0)
        (api.accessToken, api.isRestricted, api.id, api.workerID) = ("t", false, "i", "w")
        #expect(settings.api == api)
        #expect(settings.logFile == "/home/ann/work/f" && settings.logFormat == .json)
        #expect(!settings.usesColors && settings.isVerbose)
        #expect(settings.shardsMax == 4 && settings.runDirectory == "/r" && settings.database == "/d")
    }

    @Test func theAPIOptionsOfTheFirstGenerationWinOverAnHTTPObject() {
        let file = withPool(#""http": {"enabled": true, "port": 5}"#)
        var api = Settings.API(host: "0.0.0.0", port: 7)
        api.accessToken = "t"
        #expect(resolvedLine("--api-port 7 --api-access-token t", file: file).settings?.api == api)
    }

    @Test(arguments: ["--http-enabled", "--http-no-restricted", "--http-access-token t", "--http-host 127.0.0.1"])
    func anyHTTPOptionSwitchesTheAPIOn(_ option: String) {
        #expect(resolvedLine("-o a " + option).settings?.api?.host == "127.0.0.1")
    }

    @Test(arguments: [
        ("-o a:b", "--url: expected a port from 1 to 65535 after ':'"),
        ("-o a -b here", "--bind: expected a numeric address and a port, such as 0.0.0.0:3333 or [::]:3333"),
        ("-o a --shards 0", "--shards: expected \"auto\", \"cores\" or a number from 1 to 256, found 0"),
        ("-o a --http-port 70000", "--http-port: expected a number from 0 to 65535, found 70000"),
    ])
    func aWrongValueIsAnErrorThatNamesTheOption(_ line: String, _ message: String) {
        #expect(resolvedLine(line).errorTexts.contains("error: " + message))
        #expect(resolvedLine(line).settings == nil)
    }

    @Test(arguments: [
        ("--retries 0", "--retries: expected a number from 1 to 1000, found 0; the default is used, as in xmrig-proxy"),
        (
            "--retries many",
            "--retries: expected a number from 1 to 1000, found a string; the default is used, as in xmrig-proxy"
        ),
        ("-O user", "--userpass: expected user:password; ignored, as in xmrig-proxy"),
        ("--keepalive=soon", "--keepalive: expected a number of seconds from 0 to 86400; 60 is used"),
        (
            "--mode smart",
            "--mode: expected one of nicehash, simple, extra_nonce, found \"smart\"; "
                + "the default is used, as in xmrig-proxy"
        ),
    ])
    func aWrongValueThatXmrigProxyPassesOverIsAWarning(_ options: String, _ message: String) {
        let resolution = resolvedLine("-o a " + options)
        #expect(resolution.warningTexts == ["warning: " + message])
        #expect(resolution.settings?.retries == 2)
    }

    @Test(arguments: [
        ("--keepalive", 60), ("-k", 60), ("--keepalive=30", 30), ("--keepalive=", 60), ("--keepalive=0", 0),
    ])
    func theSecondsOfAKeepaliveAreUsed(_ option: String, _ seconds: Int) {
        let resolution = resolvedLine("-o a " + option)
        #expect(resolution.settings?.pools.first?.keepaliveSeconds == seconds)
        #expect(resolution.warnings.isEmpty)
    }

    @Test func anOptionOfAPoolNeedsAPool() {
        #expect(
            resolvedLine("-u x", file: pool(#""url": "a""#)).errorTexts == [
                "error: --user: is an option of a pool: give --url too (options do not change the pools of the file)"
            ])
    }

    @Test func anUnknownOptionIsAnErrorWithTheNearestName() {
        #expect(
            resolved(nil, [GivenOption("url", "a"), GivenOption("retrys", "1")]).errorTexts
                == ["error: --retrys: unknown option; did you mean --retries?"])
    }

    @Test(arguments: [
        ("-A log", "--access-log-file: not supported yet, ignored"),
        ("-B", "--background: not supported yet, ignored"),
        ("--donate-level 1", "--donate-level: not supported yet, ignored"),
        ("--mode extra_nonce", "--mode: \"extra_nonce\" is not supported yet, nicehash is used"),
        (
            "-o b --daemon --daemon-zmq-port 1",
            "--daemon: mining to a daemon is not supported yet; this pool is ignored"
        ),
        ("-o b --self-select c", "--self-select: self-select is not supported yet; this pool is ignored"),
    ])
    func anOptionThatIsNotSupportedYetIsOneWarning(_ options: String, _ message: String) {
        let resolution = resolvedLine("-o a " + options)
        #expect(resolution.settings?.pools.map(\.host) == ["a"])
        #expect(resolution.warningTexts == ["warning: " + message])
    }

    @Test func anEmptyProxyIsAnError() {
        #expect(resolvedLine("-o a --proxy=").errorTexts == ["error: --proxy: expected host:port of a SOCKS5 proxy"])
    }

    @Test func fileAndOptionTogetherWarnOnce() {
        let warnings = resolvedLine("--donate-level 7", file: withPool(#""donate-level": 5"#)).warnings
        #expect(warnings.map(\.message) == ["--donate-level: not supported yet, ignored"])
    }

    @Test func namesOfOptionsAreUnique() {
        #expect(Set(KnownOption.all.map(\.name)).count == KnownOption.all.count)
        let letters = KnownOption.all.compactMap(\.short)
        #expect(Set(letters).count == letters.count)
    }

    @Test func everyOptionSetsAKeyThatExists() {
        let paths = Set(KnownKey.all.map(\.path))
        for option in KnownOption.all {
            switch option.effect {
            case .key(let path, _): #expect(paths.contains(path.joined(separator: ".")), "--\(option.name)")
            case .pool(let key, _): #expect(paths.contains("pools[].\(key)"), "--\(option.name)")
            case .poolURL, .poolLogin, .bind, .none: break
            }
        }
    }
}
