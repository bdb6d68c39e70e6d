/// A command-line option of xmrig-proxy, of its version 2.4 (docs/COMPATIBILITY.md), or of Millrace. The table (`all`)
/// is the only source of names and help texts. Most options set a key of the file.
public struct KnownOption: Sendable {
    /// Without dashes.
    public let name: String
    public let short: Character?
    /// The placeholder of the value in the help ("HOST:PORT"); nil when the option has no value.
    public let valueName: String?
    public let group: Group
    public let help: String

    let effect: Effect

    /// The headings of the help, in its order.
    public enum Group: String, CaseIterable, Sendable {
        case service = "Service"
        case pools = "Pools"
        case miners = "Miners"
        case api = "HTTP API"
        case logging = "Logging"
        case later = "Accepted, not supported yet"
    }

    /// The effect of an option on the configuration.
    enum Effect: Sendable {
        /// Sets the key at this path to the option's value.
        case key([String], Form)
        /// Sets a key of the last named pool (or of the next one, when none is named yet).
        case pool(String, Form)
        /// Starts another pool.
        case poolURL
        /// "user:password" of the last named pool.
        case poolLogin
        /// Adds an address for miners.
        case bind(tls: Bool)
        /// No effect on the configuration: the program reads it itself.
        case none
    }

    /// How the option's text is converted to a value.
    enum Form: Sendable, Equatable {
        case text
        /// A text that is not a number stays a text, which the checks of its key report.
        case integer
        /// An option without a value that sets this one.
        case boolean(Bool)
        case number(Int64)
        /// An option that sets true, or a number given after an equal sign.
        case booleanOrInteger
    }

    init(
        _ name: String, _ short: Character? = nil, _ valueName: String? = nil, _ group: Group, _ effect: Effect,
        _ help: String
    ) {
        self.name = name
        self.short = short
        self.valueName = valueName
        self.group = group
        self.effect = effect
        self.help = help
    }

    /// Whether the option can be given as `--name=value` as well as `--name`.
    var mayHaveValue: Bool {
        if case .pool(_, .booleanOrInteger) = effect { true } else { false }
    }

    /// Whether xmrig-proxy has the option too.
    var isKnownToXmrigProxy: Bool { !KnownOption.ownNames.contains(name) }

    private static let ownNames: Set<String> = [
        "dry-run", "shards", "run-dir", "database", "log-format", "api-port", "api-access-token",
    ]

    public static func named(_ name: String) -> KnownOption? { byName[name] }
    public static func short(_ letter: Character) -> KnownOption? { byLetter[letter] }

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    private static let byLetter = Dictionary(
        all.compactMap { option in option.short.map { ($0, option) } }, uniquingKeysWith: { first, _ in first })

    /// Every option, in the order of the help.
    public static let all: [KnownOption] = service + pools + miners + api + logging + later
}

extension KnownOption {
    private static let service = [
        KnownOption(
            "config", "c", "FILE", .service, .none,
            "The configuration file. May be given several times: later files override earlier ones, key by key. "
                + "Without it, and without --url, the usual places are searched (docs/CONFIG.md)."),
        KnownOption(
            "data-dir", "d", "DIR", .service, .none,
            "Search config.json in this directory instead of beside the program."),
        KnownOption(
            "dry-run", nil, nil, .service, .none, "Check the configuration, report its errors and warnings, and exit."),
        KnownOption(
            "shards", nil, "N|auto|cores", .service, .key(["millrace", "shards"], .integer),
            "Number of worker processes; auto: one, and more with the miners, up to one per core."),
        KnownOption(
            "run-dir", nil, "DIR", .service, .key(["millrace", "run-dir"], .text),
            "Directory for the sockets of this instance; each instance needs its own."),
        KnownOption(
            "database", nil, "FILE", .service, .key(["millrace", "database"], .text),
            "Database file of the statistics."),
    ]

    private static let pools = [
        KnownOption(
            "url", "o", "HOST:PORT", .pools, .poolURL,
            "A pool. May be given several times: the first pool is preferred, and the pool options after each "
                + "--url belong to that pool."),
        KnownOption("user", "u", "USER", .pools, .pool("user", .text), "Wallet address or login at the pool."),
        KnownOption("pass", "p", "PASSWORD", .pools, .pool("pass", .text), "Password at the pool."),
        KnownOption("userpass", "O", "USER:PASSWORD", .pools, .poolLogin, "User and password in one option."),
        KnownOption("rig-id", nil, "ID", .pools, .pool("rig-id", .text), "Rig identifier sent to the pool."),
        KnownOption(
            "algo", "a", "ALGO", .pools, .pool("algo", .text), "Algorithm of jobs that name none, such as rx/0."),
        KnownOption(
            "coin", nil, "COIN", .pools, .pool("coin", .text), "Coin instead of the algorithm, such as monero."),
        KnownOption(
            "keepalive", "k", nil, .pools, .pool("keepalive", .booleanOrInteger),
            "Send keepalives on an idle pool connection; --keepalive=SECONDS sets the interval."),
        KnownOption(
            "tls", nil, nil, .pools, .pool("tls", .boolean(true)),
            "Connect to the pool with TLS, as with a URL that begins with stratum+ssl://."),
        KnownOption(
            "tls-fingerprint", nil, "HEX", .pools, .pool("tls-fingerprint", .text),
            "SHA-256 of the pool's certificate; another certificate is refused."),
        KnownOption(
            "proxy", "x", "HOST:PORT", .pools, .pool("socks5", .text),
            "SOCKS5 proxy that connects to the pool; with a login: user:password@host:port."),
        KnownOption(
            "retries", "r", "N", .pools, .key(["retries"], .integer),
            "Failures of the first pool before the second one is tried."),
        KnownOption(
            "retry-pause", "R", "SECONDS", .pools, .key(["retry-pause"], .integer),
            "Pause between two attempts at one pool."),
        KnownOption(
            "user-agent", nil, "TEXT", .pools, .key(["user-agent"], .text), "User agent sent to pools."),
        KnownOption(
            "ipv4", "4", nil, .pools, .key(["dns", "ip_version"], .number(4)), "Reach pools over IPv4 only."),
        KnownOption(
            "ipv6", "6", nil, .pools, .key(["dns", "ip_version"], .number(6)), "Reach pools over IPv6 only."),
        KnownOption(
            "dns-ttl", nil, "SECONDS", .pools, .key(["dns", "ttl"], .integer), "How long DNS answers are cached."),
    ]

    private static let miners = [
        KnownOption(
            "bind", "b", "ADDRESS:PORT", .miners, .bind(tls: false),
            "Address to listen on for miners. May be given several times. Default: 0.0.0.0:3333 and [::]:3333."),
        KnownOption(
            "custom-diff", nil, "N", .miners, .key(["custom-diff"], .integer),
            "Difficulty for miners, if lower than the pool's."),
        KnownOption(
            "custom-diff-stats", nil, nil, .miners, .key(["custom-diff-stats"], .boolean(true)),
            "Count shares below the pool's difficulty in the statistics of workers."),
        KnownOption(
            "access-password", nil, "PASSWORD", .miners, .key(["access-password"], .text),
            "Password that miners must send."),
        KnownOption(
            "workers", nil, "MODE", .miners, .key(["workers"], .text),
            "Where the name of a worker comes from: rig_id, user, password, agent, ip or none."),
        KnownOption(
            "no-workers", nil, nil, .miners, .key(["workers"], .boolean(false)), "No statistics per worker."),
        KnownOption(
            "no-algo-ext", nil, nil, .miners, .key(["algo-ext"], .boolean(false)),
            "Do not offer miners the algo extension."),
        KnownOption(
            "mode", "m", "MODE", .miners, .key(["mode"], .text),
            "How miners share pool connections: nicehash (up to 256 on each) or simple (one on each)."),
        KnownOption(
            "reuse-timeout", nil, "SECONDS", .miners, .key(["reuse-timeout"], .integer),
            "How long a pool connection without a miner is kept in simple mode."),
        KnownOption(
            "tls-bind", nil, "ADDRESS:PORT", .miners, .bind(tls: true),
            "Address to listen on for miners with TLS only. May be given several times."),
        KnownOption(
            "tls-gen", nil, "NAME", .miners, .key(["tls", "gen"], .text),
            "Host name in the certificate that is generated when none is given."),
        KnownOption(
            "tls-cert", nil, "FILE", .miners, .key(["tls", "cert"], .text),
            "Certificate for miners (PEM), followed by those of its issuers."),
        KnownOption(
            "tls-cert-key", nil, "FILE", .miners, .key(["tls", "cert_key"], .text), "The key of --tls-cert (PEM)."),
        KnownOption(
            "tls-dhparam", nil, "FILE", .miners, .key(["tls", "dhparam"], .text),
            "Diffie-Hellman parameters for miners with TLS 1.2 (PEM)."),
        KnownOption(
            "tls-protocols", nil, "LIST", .miners, .key(["tls", "protocols"], .text),
            "Versions of TLS for miners, such as \"TLSv1.2 TLSv1.3\"."),
        KnownOption(
            "tls-ciphers", nil, "LIST", .miners, .key(["tls", "ciphers"], .text),
            "Ciphers for miners with TLS 1.2 and lower."),
        KnownOption(
            "tls-ciphersuites", nil, "LIST", .miners, .key(["tls", "ciphersuites"], .text),
            "Ciphers for miners with TLS 1.3."),
    ]

    private static let api = [
        KnownOption(
            "http-enabled", nil, nil, .api, .key(["http", "enabled"], .boolean(true)),
            "Serve the HTTP API; the other --http-… options imply it."),
        KnownOption(
            "http-host", nil, "ADDRESS", .api, .key(["http", "host"], .text),
            "The address that the API listens on. Default: 127.0.0.1."),
        KnownOption(
            "http-port", nil, "PORT", .api, .key(["http", "port"], .integer),
            "The port that the API listens on; 0: any free port."),
        KnownOption(
            "http-access-token", nil, "TOKEN", .api, .key(["http", "access-token"], .text),
            "Bearer token that clients must send."),
        KnownOption(
            "http-no-restricted", nil, nil, .api, .key(["http", "restricted"], .boolean(false)),
            "Allow clients to change the configuration and the service; needs a token."),
        KnownOption(
            "api-worker-id", nil, "ID", .api, .key(["api", "worker-id"], .text),
            "The name of this proxy in the API instead of the host name."),
        KnownOption(
            "api-id", nil, "ID", .api, .key(["api", "id"], .text), "The id in the API instead of the machine's own."),
        KnownOption(
            "api-port", nil, "PORT", .api, .key(["api", "port"], .integer),
            "Serve the API on this port of all IPv4 addresses, as xmrig-proxy 2.4 does."),
        KnownOption(
            "api-access-token", nil, "TOKEN", .api, .key(["api", "access-token"], .text),
            "Bearer token for --api-port."),
    ]

    private static let logging = [
        KnownOption(
            "log-file", "l", "FILE", .logging, .key(["log-file"], .text), "Also write the log to this file."),
        KnownOption(
            "log-format", nil, "FORMAT", .logging, .key(["millrace", "log-format"], .text),
            "text, or json (one object per line)."),
        KnownOption(
            "syslog", "S", nil, .logging, .key(["syslog"], .boolean(true)), "Write log lines to the system's log too."),
        KnownOption(
            "no-color", nil, nil, .logging, .key(["colors"], .boolean(false)), "No colors on a terminal."),
        KnownOption(
            "verbose", nil, nil, .logging, .key(["verbose"], .boolean(true)),
            "Also log logins and disconnects of miners, accepted shares and every new job."),
        KnownOption("debug", nil, nil, .logging, .key(["debug"], .boolean(true)), "The same as --verbose, for now."),
    ]
}
