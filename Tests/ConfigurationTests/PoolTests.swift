import Testing

@testable import Configuration

struct PoolTests {
    @Test(arguments: [
        ("pool.example:4444", "pool.example", 4444), ("pool.example", "pool.example", 3333),
        ("stratum+tcp://pool.example:1", "pool.example", 1), ("STRATUM+TCP://p:1/", "p", 1),
        ("[2001:db8::1]:5", "2001:db8::1", 5), ("[::1]", "::1", 3333), ("192.0.2.1:6", "192.0.2.1", 6),
        ("my_pool-1.example:65535", "my_pool-1.example", 65535), ("  p:7 \\t", "p", 7), ("p:7\\n", "p", 7),
    ])
    func anAddressOfAPoolIsTakenApart(_ url: String, _ host: String, _ port: UInt16) {
        let pools = resolved(pool("\"url\": \"\(url)\"")).settings?.pools
        #expect(pools == [.init(host: host, port: port, user: "x", password: "x")])
    }

    @Test(arguments: [
        ("a:0", "expected a port from 1 to 65535 after ':'"), ("a:", "expected a port from 1 to 65535 after ':'"),
        ("a:65536", "expected a port from 1 to 65535 after ':'"), ("a:+1", "expected a port from 1 to 65535 after ':'"),
        ("::1", "expected an IPv6 address in brackets, such as [::1]:3333"), ("[::1", "the '[' is not closed"),
        ("[pool]:1", "expected an IPv6 address between the brackets"),
        ("[::1]1", "expected ':' and a port after ']'"),
        ("a b:1", "expected host:port, such as pool.example.com:3333"),
        (":1", "expected host:port, such as pool.example.com:3333"),
        ("a/b", "expected host:port, such as pool.example.com:3333"),
        ("http://a:1", "expected stratum+tcp:// or stratum+ssl:// or none before host:port"),
        ("user@a:1", "expected host:port; the login belongs to \"user\" and \"pass\""),
    ])
    func aWrongAddressIsAnErrorThatSaysWhatWasExpected(_ url: String, _ message: String) {
        #expect(resolved(pool("\"url\": \"\(url)\"")).errors.map(\.message) == ["pools[0].url: \(message)"])
    }

    @Test func loginAlgorithmAndKeepaliveAreRead() {
        let pools = resolved(
            """
            {"coin": "WOW", "pools": [
              {"url": "a", "user": "u", "pass": "p", "rig-id": "r", "algo": "RX/0", "keepalive": true},
              {"url": "b", "keepalive": 30, "coin": "monero"},
              {"url": "c", "keepalive": false, "user": null}
            ]}
            """
        ).settings?.pools
        var first = Settings.Pool(host: "a", port: 3333, user: "u", password: "p")
        (first.rigID, first.algorithm, first.keepaliveSeconds) = ("r", "rx/0", 60)
        var second = Settings.Pool(host: "b", port: 3333, user: "x", password: "x")
        (second.algorithm, second.keepaliveSeconds) = ("rx/0", 30)
        var third = Settings.Pool(host: "c", port: 3333, user: "x", password: "x")
        third.algorithm = "rx/wow"
        #expect(pools == [first, second, third])
    }

    @Test(arguments: [
        (#""algo": "RandomX""#, "rx/0"), (#""algo": "cryptonight/R""#, "cn/r"), (#""algo": "CN-PICO/TRTL""#, "cn-pico"),
        (#""algo": "rx/v2""#, "rx/2"), (#""algo": "gr""#, "ghostrider"), (#""coin": "YadaCoin""#, "rx/yada"),
        (#""coin": "yda""#, "rx/yada"), (#""coin": "TOWNFORGE""#, "rx/0"), (#""coin": "Sumo""#, "cn/r"),
        (#""coin": "zephyr", "algo": null"#, "rx/0"), (#""coin": "wownero", "algo": """#, "rx/wow"),
    ])
    func anyNameOfAnAlgorithmOrCoinIsTheCanonicalName(_ members: String, _ algorithm: String) {
        for text in [pool("\"url\": \"a\", \(members)"), "{\(members), \"pools\": [{\"url\": \"a\"}]}"] {
            let resolution = resolved(text)
            #expect(resolution.settings?.pools.map(\.algorithm) == [algorithm])
            #expect(resolution.warnings.isEmpty)
        }
    }

    @Test(arguments: [
        (#""algo": "rx/o""#, "algo: unknown algorithm \"rx/o\", ignored; did you mean \"rx/0\"?"),
        (
            #""algo": "cn_turtel""#,
            "algo: unknown algorithm \"cn_turtel\", ignored; did you mean \"cn_turtle\"?"
        ),
        (
            #""algo": "randomx_0""#,
            "algo: unknown algorithm \"randomx_0\", ignored; did you mean \"randomx/0\"?"
        ),
        (
            #""algo": "Monero""#,
            "algo: unknown algorithm \"Monero\", ignored; it is a coin: set \"coin\" to it, or \"algo\" to "
                + "\"rx/0\""
        ),
        (
            #""algo": "null""#,
            "algo: unknown algorithm \"null\", ignored; docs/CONFIG.md lists all names, such as \"rx/0\""
        ),
        (#""coin": "moner""#, "coin: unknown coin \"moner\", ignored; did you mean \"Monero\"?"),
        (
            #""coin": "rx/wow""#,
            "coin: unknown coin \"rx/wow\", ignored; it is an algorithm: set \"algo\" to it"
        ),
        (#""coin": "doge""#, "coin: unknown coin \"doge\", ignored; set \"algo\" to the algorithm of the coin"),
    ])
    func anUnknownAlgorithmOrCoinIsAWarningAndNone(_ member: String, _ warning: String) {
        let inPool = resolved(pool("\"url\": \"a\", \(member)"))
        #expect(inPool.settings?.pools.map(\.algorithm) == [nil])
        #expect(inPool.warnings.map(\.message) == ["pools[0].\(warning)"])
        let common = resolved("{\(member), \"pools\": [{\"url\": \"a\"}, {\"url\": \"b\"}]}")
        #expect(common.settings?.pools.map(\.algorithm) == [nil, nil])
        #expect(common.warnings.map(\.message) == [warning])
    }

    @Test(arguments: ["null", "auto", "monero", "rx/9"])
    func behindAnUnknownAlgorithmComesTheCoinAndThenWhatAllPoolsHave(_ algorithm: String) {
        let own = resolved(pool("\"url\": \"a\", \"algo\": \"\(algorithm)\", \"coin\": \"wow\""))
        #expect(own.settings?.pools.map(\.algorithm) == ["rx/wow"])
        let common = resolved("{\"algo\": \"CN/R\", \"pools\": [{\"url\": \"a\", \"algo\": \"\(algorithm)\"}]}")
        #expect(common.settings?.pools.map(\.algorithm) == ["cn/r"])
        #expect(own.warnings.count == 1 && common.warnings.count == 1)
    }

    @Test(arguments: [
        (#""url": "daemon+http://a:1""#, "url: mining to a daemon"),
        (#""url": "socks5://a:1""#, "url: SOCKS5"),
        (#""url": "a", "tls": true, "daemon": true"#, "daemon: mining to a daemon"),
        (#""url": "a", "daemon": true, "daemon-zmq-port": 1"#, "daemon: mining to a daemon"),
        (#""url": "a", "self-select": "b:1", "submit-to-origin": true"#, "self-select: self-select"),
    ])
    func aPoolThatNeedsMoreThanWeCanIsLeftOut(_ members: String, _ what: String) {
        let warning = "pools[0].\(what) is not supported yet; this pool is ignored"
        let beside = resolved("{\"pools\": [{\"url\": \"b\"}, {\(members)}, {\"url\": \"c\"}]}")
        #expect(beside.settings?.pools.map(\.host) == ["b", "c"])
        #expect(beside.warnings.map(\.message) == [warning.replacing("[0]", with: "[1]")])
        let first = resolved("{\"pools\": [{\(members)}, {\"url\": \"b:1\"}]}")
        #expect(first.settings == nil && first.warnings.isEmpty)
        #expect(
            first.errors.map(\.message) == [
                "pools[0].\(what) is not supported yet, so b:1 would be used instead; "
                    + "disable this pool (\"enabled\": false) if that is intended"
            ])
        let alone = resolved(pool(members))
        #expect(alone.settings == nil)
        #expect(alone.warnings.map(\.message) == [warning])
        #expect(alone.errors.count == 1)
        #expect(alone.errors.first?.message.hasPrefix("pools: no pool is usable: every enabled pool needs") == true)
    }

    @Test(arguments: [
        (#"{"url": "a", "enabled": false}, {"url": "b", "self-select": "p"}, {"url": "c"}"#, [1]),
        (
            #"{"url": "a", "daemon": true}, {"url": "b", "daemon": true}, {"url": "c"}, {"url": "d", "daemon": true}"#,
            [0, 1]
        ),
        (#"{"url": 7}, {"url": "b", "daemon": true}, {"url": "c"}"#, [1]),
        (#"{"url": "a", "enabled": false, "daemon": true}, {"url": "c"}, {"url": "d", "daemon": true}"#, []),
    ])
    func onlyAPoolWhosePlaceABackupWouldTakeIsAnError(_ pools: String, _ bad: [Int]) {
        let resolution = resolved("{\"pools\": [\(pools)]}")
        let places = resolution.errors.map { $0.message.prefix { $0 != "." } }
        #expect(places == bad.map { "pools[\($0)]" })
        #expect((resolution.settings == nil) == !bad.isEmpty)
    }

    private static func proxy(_ host: String, _ port: UInt16, _ user: String? = nil, _ password: String? = nil)
        -> Settings.SOCKSProxy
    {
        var proxy = Settings.SOCKSProxy(host: host, port: port)
        (proxy.user, proxy.password) = (user, password)
        return proxy
    }

    @Test(arguments: [
        ("9050", proxy("127.0.0.1", 9050)), ("\"9050\"", proxy("127.0.0.1", 9050)),
        ("\"p.example\"", proxy("p.example", 1080)), ("\"p.example:9\"", proxy("p.example", 9)),
        ("\"SOCKS5://[::1]:9\"", proxy("::1", 9)), ("\"me:p:w@d@[::1]:9\"", proxy("::1", 9, "me", "p:w@d")),
        ("\"socks5://me:pw@p.example\"", proxy("p.example", 1080, "me", "pw")), ("0", nil), ("null", nil),
    ])
    func aPoolMayBeBehindAProxy(_ value: String, _ expected: Settings.SOCKSProxy?) {
        let resolution = resolved(pool("\"url\": \"a\", \"socks5\": \(value)"))
        #expect(resolution.settings?.pools.map(\.proxy) == [expected])
        #expect(resolution.errorTexts + resolution.warningTexts == [])
    }

    /// It is never reached without the proxy instead.
    @Test(arguments: [
        "false", "-1", "70000", "{}", "\"p:0\"", "\"p:x\"", "\"a b\"", "\"http://p:1\"", "\"me@p:1\"", "\":pw@p:1\"",
        "\"me:@p:1\"", "\"\(String(repeating: "u", count: 256)):pw@p:1\"", "\"1::2:3\"",
    ])
    func whatIsNoProxyIsAnError(_ value: String) {
        let resolution = resolved("{\"pools\": [{\"url\": \"a\", \"socks5\": \(value)}, {\"url\": \"b\"}]}")
        #expect(resolution.settings == nil)
        #expect(resolution.errors.count == 1 && resolution.errors[0].message.hasPrefix("pools[0].socks5: expected "))
    }

    @Test func aPoolThatIsSwitchedOffIsSkippedWhateverElseItSays() {
        let resolution = resolved(
            #"{"pools": [{"url": "a", "enabled": false, "tls-fingerprint": "x"}, {"enabled": false}, {"url": "b"}]}"#)
        #expect(resolution.settings?.pools.map(\.host) == ["b"])
        #expect(resolution.warnings.isEmpty)
    }

    @Test(arguments: [#"{"pools": [{"url": "a", "enabled": false}]}"#, #"{"pools": []}"#, #"{"pools": null}"#, "{}"])
    func withoutAnEnabledPoolTheErrorSaysWhatToDo(_ text: String) throws {
        let errors = resolved(text).errors
        #expect(errors.count == 1)
        #expect(try #require(errors.first).message.hasSuffix("or give one with --url"))
    }

    @Test(arguments: [#""user": "u""#, #""url": null"#, #""url": """#])
    func aPoolWithoutURLIsAnError(_ members: String) {
        #expect(
            resolved(pool(members)).errorTexts
                == ["config.json:1:12: error: pools[0]: expected a \"url\", such as \"pool.example.com:3333\""])
    }

    @Test func morePoolsThanFailoverCouldUseAreRefused() {
        let pools = Array(repeating: #"{"url": "a"}"#, count: Settings.poolsMax + 1).joined(separator: ",")
        #expect(resolved("{\"pools\": [\(pools)]}").errors.map(\.message) == ["pools: more than 64 pools"])
    }
}
