import Testing

@testable import Configuration

/// Every key of xmrig-proxy's configuration in each form that it accepts (docs/CONFIG.md, "Keys";
/// docs/COMPATIBILITY.md, "Configuration file"). A row names the setting it changes; the rest has to stay at its
/// default, so a key that reaches into another one is found too.
struct XmrigProxyTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let members: String
        let change: @Sendable (inout Settings) -> Void

        init(_ members: String, _ change: @escaping @Sendable (inout Settings) -> Void = { _ in }) {
            (self.members, self.change) = (members, change)
        }

        var testDescription: String { members }
    }

    private static let basis: Settings = {
        var settings = Settings()
        settings.pools = [.init(host: "pool.example", port: 4444, user: "x", password: "x")]
        settings.shardsMax = 4
        settings.runDirectory = "/run/user/1000/millrace"
        settings.database = "/home/ann/.local/state/millrace/statistics.sqlite"
        settings.tls = .generated()
        return settings
    }()

    private static func api(_ host: String, _ port: UInt16, _ token: String? = nil) -> Settings.API {
        var api = Settings.API(host: host, port: port)
        api.accessToken = token
        return api
    }

    private static let rows: [Row] = [
        Row(#""access-log-file": null"#), Row(#""access-log-file": """#),
        Row(#""access-password": "let me in""#) { $0.accessPassword = "let me in" },
        Row(#""access-password": null"#), Row(#""access-password": """#),
        Row(#""algo-ext": true"#), Row(#""algo-ext": false"#) { $0.offersAlgoExtension = false },
        Row(#""api": {"id": null, "worker-id": null}"#), Row(#""api": null"#), Row(#""http": {}"#),
        Row(#""http": {"enabled": false, "host": "0.0.0.0", "port": 8080, "access-token": "t"}"#),
        Row(#""http": {"enabled": true}"#) { $0.api = api("127.0.0.1", 0) },
        Row(#""http": {"enabled": true, "host": null, "port": 8080, "access-token": null, "restricted": true}"#) {
            $0.api = api("127.0.0.1", 8080)
        },
        Row(#""http": {"enabled": true, "host": "::", "port": 65535, "access-token": "t", "restricted": false}"#) {
            $0.api = api("::", 65535, "t")
            $0.api?.isRestricted = false
        },
        Row(#""http": {"enabled": true, "host": "0.0.0.0"}, "api": {"id": "i", "worker-id": "w"}"#) {
            $0.api = api("0.0.0.0", 0)
            $0.api?.id = "i"
            $0.api?.workerID = "w"
        },
        Row(#""api": {"port": 8080, "access-token": "Optional Bearer Token", "worker-id": "Optional proxy name"}"#) {
            $0.api = api("0.0.0.0", 8080, "Optional Bearer Token")
            $0.api?.workerID = "Optional proxy name"
        },
        Row(#""background": false"#),
        Row(#""bind": ["0.0.0.0:3333"]"#) { $0.binds = [.init(host: "0.0.0.0", port: 3333)] },
        Row(#""bind": ["[::]:3333"]"#) { $0.binds = [.init(host: "::", port: 3333)] },
        Row(#""bind": [{"host": "127.0.0.1", "port": 1, "tls": false}]"#) {
            $0.binds = [.init(host: "127.0.0.1", port: 1)]
        },
        Row(#""bind": [{"host": "2001:db8::1", "port": 2}, "[2001:db8::2]:3"]"#) {
            $0.binds = [.init(host: "2001:db8::1", port: 2), .init(host: "2001:db8::2", port: 3)]
        },
        Row(#""bind": null"#),
        Row(#""colors": true"#), Row(#""colors": false"#) { $0.usesColors = false },
        Row(#""title": true"#), Row(#""title": false"#), Row(#""title": "my proxy""#), Row(#""title": null"#),
        Row(#""custom-diff": 0"#), Row(#""custom-diff": 20000"#) { $0.customDifficulty = 20000 },
        Row(#""custom-diff-stats": false"#), Row(#""custom-diff-stats": true"#) { $0.countsCustomDifficulty = true },
        Row(#""donate-level": 0"#),
        Row(#""log-file": null"#), Row(#""log-file": "p.log""#) { $0.logFile = "/home/ann/work/p.log" },
        Row(#""log-file": "/var/log/${HOSTNAME}.log""#) { $0.logFile = "/var/log/rack7.log" },
        Row(#""syslog": false"#), Row(#""syslog": true"#) { $0.usesSyslog = true },
        Row(#""verbose": false"#), Row(#""verbose": true"#) { $0.isVerbose = true },
        Row(#""verbose": 0"#), Row(#""verbose": 1"#) { $0.isVerbose = true },
        Row(#""mode": "nicehash""#), Row(#""mode": null"#), Row(#""mode": "Simple""#) { $0.mode = .simple },
        Row(#""retries": 1"#) { $0.retries = 1 }, Row(#""retries": 1000"#) { $0.retries = 1000 },
        Row(#""retry-pause": 1"#), Row(#""retry-pause": 3600"#) { $0.retryPauseSeconds = 3600 },
        Row(#""reuse-timeout": 0"#), Row(#""reuse-timeout": 30"#) { $0.reuseSeconds = 30 },
        Row(#""tls": false"#) { $0.tls = nil },
        Row(#""tls": {"enabled": false, "cert-key": "k", "gen": "g"}"#) { $0.tls = nil },
        Row(#""tls": null"#), Row(#""tls": true"#), Row(#""tls": {}"#), Row(#""tls": """#),
        Row(#""tls": {"enabled": true, "cert": null, "cert_key": "", "gen": null}"#),
        Row(#""tls": "proxy.farm""#) { $0.tls = .generated("proxy.farm") },
        Row(#""tls": {"gen": "*.farm"}"#) { $0.tls = .generated("*.farm") },
        Row(#""tls": {"cert": "c.pem", "cert_key": "/k/${HOSTNAME}.pem", "dhparam": "../d.pem"}"#) {
            $0.tls = .init(certificateFile: "/home/ann/work/c.pem", keyFile: "/k/rack7.pem")
            $0.tls?.dhparamFile = "/home/ann/d.pem"
        },
        Row(#""tls": {"cert": "/c", "cert-key": "/k"}"#) {
            $0.tls = .init(certificateFile: "/c", keyFile: "/k")
        },
        Row(#""tls": {"protocols": "TLSv1.3 TLSv1.2", "ciphers": "HIGH:!aNULL", "ciphersuites": "S"}"#) {
            $0.tls?.protocols = "TLSv1.2 TLSv1.3"
            $0.tls?.ciphers = "HIGH:!aNULL"
            $0.tls?.ciphersuites = "S"
        },
        Row(#""bind": [{"host": "::", "port": 9, "tls": true}]"#) {
            $0.binds = [.init(host: "::", port: 9)]
            $0.binds[0].requiresTLS = true
        },
        Row(#""dns": {"ip_version": 0, "ttl": 30}"#), Row(#""dns": {"ip_version": 4}"#) { $0.dns.ipVersion = 4 },
        Row(#""dns": {"ip_version": 6, "ttl": 1}"#) { ($0.dns.ipVersion, $0.dns.ttlSeconds) = (6, 1) },
        Row(#""user-agent": null"#), Row(#""user-agent": "rig/1""#) { $0.userAgent = "rig/1" },
        Row(#""watch": true"#), Row(#""watch": false"#) { $0.watchesFile = false },
        Row(#""workers": true"#), Row(#""workers": false"#) { $0.workerNaming = .none },
        Row(#""workers": "none""#) { $0.workerNaming = .none }, Row(#""workers": "RIG_ID""#),
        Row(#""workers": "User""#) { $0.workerNaming = .user },
        Row(#""workers": "password""#) { $0.workerNaming = .password },
        Row(#""workers": "agent""#) { $0.workerNaming = .agent }, Row(#""workers": "ip""#) { $0.workerNaming = .ip },
        Row(#""print-time": 60"#), Row(#""print-time": 0"#) { $0.printSeconds = 0 },
        Row(#""print-time": 3600"#) { $0.printSeconds = 3_600 }, Row(#""autosave": true"#), Row(#""dry-run": false"#),
        Row(#""autosave": false"#) { $0.savesDocument = false },
        Row(#""debug": false"#), Row(#""debug": true"#) { $0.isVerbose = true },
    ]

    @Test(arguments: rows)
    func aKeyInAnAcceptedFormChangesItsSettingAndNothingElse(_ row: Row) {
        let resolution = resolved(withPool(row.members))
        var expected = XmrigProxyTests.basis
        row.change(&expected)
        #expect(resolution.settings == expected)
        #expect(resolution.errorTexts + resolution.warningTexts == [])
    }

    private static let poolRows: [Row] = [
        Row(#""algo": "rx/0""#) { $0.pools[0].algorithm = "rx/0" }, Row(#""algo": null, "coin": null"#),
        Row(#""coin": "monero""#) { $0.pools[0].algorithm = "rx/0" },
        Row(#""coin": "WOW", "algo": "rx/arq""#) { $0.pools[0].algorithm = "rx/arq" },
        Row(#""user": "48abc.rig+5000", "pass": "p:w""#) {
            ($0.pools[0].user, $0.pools[0].password) = ("48abc.rig+5000", "p:w")
        },
        Row(#""user": "", "pass": """#), Row(#""user": null, "pass": null"#),
        Row(#""user": "${WALLET}", "pass": "${XMRIG_KIND}", "rig-id": "${HOSTNAME}""#) {
            ($0.pools[0].user, $0.pools[0].password, $0.pools[0].rigID) = ("48abc", "proxy", "rack7")
        },
        Row(#""rig-id": "r1""#) { $0.pools[0].rigID = "r1" }, Row(#""rig-id": null"#),
        Row(#""keepalive": false"#), Row(#""keepalive": 0"#),
        Row(#""keepalive": true"#) { $0.pools[0].keepaliveSeconds = 60 },
        Row(#""keepalive": 45"#) { $0.pools[0].keepaliveSeconds = 45 },
        Row(#""enabled": true"#), Row(#""tls": false, "sni": true, "tls-fingerprint": null"#),
        Row(#""tls": true"#) { $0.pools[0].tls = .init() },
        Row(#""tls": true, "sni": false"#) {
            $0.pools[0].tls = .init()
            $0.pools[0].tls?.sendsServerName = false
        },
        Row(#""daemon": false, "daemon-poll-interval": 1000, "daemon-job-timeout": 15000, "daemon-zmq-port": -1"#),
        Row(#""socks5": null"#), Row(#""socks5": """#), Row(#""socks5": 0"#),
        Row(#""socks5": 9050"#) { $0.pools[0].proxy = .init(host: "127.0.0.1", port: 9050) },
        Row(#""self-select": null, "submit-to-origin": false, "spend-secret-key": null"#),
    ]

    @Test(arguments: poolRows)
    func aKeyOfAPoolInAnAcceptedFormChangesItsSettingAndNothingElse(_ row: Row) {
        let resolution = resolved(pool("\"url\": \"pool.example:4444\", " + row.members))
        var expected = XmrigProxyTests.basis
        row.change(&expected)
        #expect(resolution.settings == expected)
        #expect(resolution.errorTexts + resolution.warningTexts == [])
    }

    @Test(arguments: [
        "pool.example:4444", "stratum+tcp://pool.example:4444", "Stratum+TCP://pool.example:4444/",
    ])
    func aPoolIsTheSameInEachSpelling(_ url: String) {
        #expect(resolved(pool("\"url\": \"\(url)\"")).settings == XmrigProxyTests.basis)
    }
}
