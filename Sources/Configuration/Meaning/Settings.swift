/// All settings of a Millrace process, validated: they can be used without further checks.
///
/// The supervisor creates them once from file, options and environment and passes them to every child as JSON, so that
/// all processes agree. They contain secrets (pool passwords, tokens): never log or serve them as a whole.
public struct Settings: Codable, Sendable, Equatable {
    /// The addresses that miners connect to, in the order of the file. Never empty.
    public var binds: [Bind] = [Bind(host: "0.0.0.0", port: 3333), Bind(host: "::", port: 3333)]
    /// The enabled pools in order of preference. Never empty in a running service.
    public var pools: [Pool] = []
    /// Failures of the first pool before the second one is tried, 1…1000 (docs/COMPATIBILITY.md, "Failover").
    public var retries = 2
    /// Seconds between two attempts at one pool, 1…3600.
    public var retryPauseSeconds = 1

    /// TLS for miners; nil = they cannot use it.
    public var tls: TLS?

    /// The password that miners must send as `pass`; nil = none required.
    public var accessPassword: String?
    public var mode = Mode.nicehash
    /// Seconds for which a pool connection without a miner is kept in simple mode.
    public var reuseSeconds = 0
    /// In simple mode, whether pools get the login of each miner instead of `Pool.user` and the rest.
    public var passesLogins = false
    /// Whether miners are offered the `algo` extension.
    public var offersAlgoExtension = true
    /// The difficulty sent to miners when it is lower than the pool's, 100…2147483646; 0 = the pool's
    /// (docs/COMPATIBILITY.md, "Custom difficulty").
    public var customDifficulty: UInt64 = 0
    /// Whether shares below the pool's difficulty count in the statistics of workers.
    public var countsCustomDifficulty = false
    public var workerNaming = WorkerNaming.rigID
    /// Replaces the user agent sent to pools; nil = Millrace's own.
    public var userAgent: String?
    public var dns = DNS()

    /// The HTTP API; nil = disabled.
    public var api: API?

    /// A file to which every log line is written in addition to standard error; nil = none.
    public var logFile: String?
    /// Whether lines go to the system's log too.
    public var usesSyslog = false
    public var isVerbose = false
    public var usesColors = true
    public var logFormat = LogFormat.text
    /// Seconds between two summary lines in the log, 0…3600; 0 = none.
    public var printSeconds = 60

    /// Whether changes of the configuration file are detected and applied.
    public var watchesFile = true
    /// Whether a configuration received over the API is written to the file.
    public var savesDocument = true

    /// The number of worker processes at the start, at least 1.
    public var shards = 1
    /// `"auto"`: the number grows with the miners up to this, the number of cores; nil = it does not.
    public var shardsMax: Int?
    /// Whether connections of miners and pools stay open when the process of their shard exits (docs/HANDOVER.md).
    public var keepsConnections = true
    /// Whether shares of miners that a pool rejects are held back (docs/SECURITY.md).
    public var guardsPools = true
    /// Limits for each address of miners; nil = `Limits()`.
    public var limits: Limits?
    /// The directory of sockets and other files of an instance: an absolute path of at most `runDirectoryBytesMax`
    /// bytes.
    public var runDirectory = ""
    /// The file of the statistics: an absolute path.
    public var database = ""
    /// The number of workers with series of their own in `/metrics`, those with the highest hashrates; 0 = none.
    public var metricsPerWorker = 0
    /// How long the history is kept, in days, 1…3650.
    public var historyDays = 30
    /// Days without activity after which a worker is removed, 1…3650. Its shares stay in the totals.
    public var forgetWorkersDays = 7

    public init() {}

    /// The longest name of a socket in the run directory.
    public static let socketNameBytesMax = 32
    /// The kernel accepts 107 bytes as the path of a Unix socket (`sun_path` without its NUL), including a slash and
    /// the name.
    public static let runDirectoryBytesMax = 107 - 1 - socketNameBytesMax
    /// More processes than useful cores in any machine; each has its own pool connections.
    public static let shardsLimit = 256
    /// Each address costs a descriptor per shard.
    public static let bindsMax = 64
    /// Failover goes through the list in order; it would never reach later pools.
    public static let poolsMax = 64
    /// Each worker adds about ten series to Prometheus; for a farm with more workers there is `/1/workers`.
    public static let metricsPerWorkerMax = 10_000
    /// An hour, as in xmrig-proxy.
    public static let printSecondsMax = 3_600

    /// An address that miners connect to.
    public struct Bind: Codable, Sendable, Equatable {
        /// Numeric, without brackets.
        public var host: String
        /// 0 = any free port (logged at start).
        public var port: UInt16
        /// Trusted senders of PROXY headers: addresses and prefixes, such as "192.0.2.7" and "10.0.0.0/8". Their
        /// connections must begin with such a header, and those of others must not. nil = none.
        public var proxyProtocol: [String]?
        /// Whether miners must use TLS; otherwise they may, if `Settings.tls` is set. nil = false.
        public var requiresTLS: Bool?

        public init(host: String, port: UInt16, proxyProtocol: [String]? = nil) {
            self.host = host
            self.port = port
            self.proxyProtocol = proxyProtocol
        }

        public var proxySenders: [String] { proxyProtocol ?? [] }

        /// Whether both have the same host and port.
        public func hasSameAddress(as other: Bind) -> Bool { host == other.host && port == other.port }

        /// More than the balancers, or networks of a cloud's balancers, in front of one proxy.
        public static let proxySendersMax = 256
    }

    /// The certificate that miners are shown, and what may be negotiated with them.
    public struct TLS: Codable, Sendable, Equatable {
        /// An absolute path: PEM, the server's own certificate first.
        public var certificateFile: String
        /// An absolute path: PEM.
        public var keyFile: String
        /// Whether the two files are made when they do not exist.
        public var isGenerated = false
        /// The host name in a generated certificate; nil = localhost.
        public var name: String?
        /// Words separated by spaces: `TLSv1 TLSv1.1 TLSv1.2 TLSv1.3`; nil = 1.2 and 1.3.
        public var protocols: String?
        /// Of TLS 1.2 and lower, in OpenSSL's form; nil = those with forward secrecy and authenticated encryption.
        public var ciphers: String?
        /// Of TLS 1.3, in OpenSSL's form.
        public var ciphersuites: String?
        /// An absolute path: PEM; nil = parameters that fit the key.
        public var dhparamFile: String?

        public init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// Limits for each address of miners on this machine, over all shards together (docs/SECURITY.md).
    public struct Limits: Codable, Sendable, Equatable {
        /// Connections; 0 = no limit per address.
        public var connections = 0
        /// Connections that have not logged in one second after they were accepted; 0 = no limit.
        public var waiting = 256
        /// Logins per second after `burst` is used up; 0 = no limit.
        public var logins = 100
        /// Logins at once.
        public var burst = 10_000
        /// Protocol faults within a minute before the address is banned; 0 = never.
        public var faults = 100
        /// Duration of the first ban in seconds.
        public var banSeconds = 600
        /// Refusals are only counted and logged.
        public var isDryRun = false
        /// Addresses and prefixes without limits, and those that are always refused.
        public var allowed: [String] = []
        public var denied: [String] = []
        /// Absolute paths of files with further ones, one per line.
        public var allowFile: String?
        public var denyFile: String?

        public init() {}

        /// More than an operator lists by hand; files may have more (`AddressList.prefixesMax`).
        public static let prefixesMax = 1_024
    }

    /// A pool and the login for it.
    public struct Pool: Codable, Sendable, Equatable {
        public var host: String
        public var port: UInt16
        public var user: String
        public var password: String
        /// Sent as `rigid` when not nil.
        public var rigID: String?
        /// The algorithm of jobs without one, such as "rx/0".
        public var algorithm: String?
        /// Seconds without a request to the pool before a `keepalived` is sent, whether the pool offers keepalives or
        /// not; 0 = only to pools that offer them, after 60 s.
        public var keepaliveSeconds = 0
        /// The proxy that connects to this pool; nil = none.
        public var proxy: SOCKSProxy?
        /// TLS to this pool; nil = plain TCP.
        public var tls: PoolTLS?

        public init(host: String, port: UInt16, user: String, password: String) {
            self.host = host
            self.port = port
            self.user = user
            self.password = password
        }

        /// "pool.example:3333", without login, for logs.
        public var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// A SOCKS5 proxy, which also resolves the names of the pools behind it.
    public struct SOCKSProxy: Codable, Sendable, Equatable {
        public var host: String
        public var port: UInt16
        /// 1 to 255 bytes each; nil = the proxy needs none.
        public var user: String?
        public var password: String?

        public init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }

        /// "127.0.0.1:9050", without login, for logs.
        public var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// How a pool's certificate is requested and checked.
    public struct PoolTLS: Codable, Sendable, Equatable {
        /// Whether the host's name is sent to the server (SNI). Addresses are never sent.
        public var sendsServerName = true
        /// SHA-256 of the pool's certificate that is expected, 64 lower-case hexadecimal digits; nil = any.
        public var fingerprint: String?
        /// Whether the certificate is checked by the system's authorities, and for the host's name.
        public var verifies = false

        public init() {}
    }

    /// How miners share pool connections (docs/COMPATIBILITY.md, "Modes").
    public enum Mode: String, Codable, Sendable, CaseIterable {
        case nicehash, simple
        case extraNonce = "extra_nonce"
    }

    /// The source of worker names (docs/COMPATIBILITY.md, "Worker names").
    public enum WorkerNaming: String, Codable, Sendable, CaseIterable {
        case none
        case rigID = "rig_id"
        case user, password, agent, ip
    }

    /// The format of log lines.
    public enum LogFormat: String, Codable, Sendable, CaseIterable {
        /// For people.
        case text
        /// One JSON object per line, for programs.
        case json
    }

    /// How names of pools are resolved.
    public struct DNS: Codable, Sendable, Equatable {
        /// 0 = any, 4 or 6.
        public var ipVersion = 0
        /// How long an answer is cached, in seconds, at least 1.
        public var ttlSeconds = 30

        public init() {}
    }

    /// The address and the rules of the gateway.
    public struct API: Codable, Sendable, Equatable {
        /// A numeric address.
        public var host: String
        /// 0 = any free port (logged at start).
        public var port: UInt16
        /// Clients must send it as `Authorization: Bearer …`; nil = no authorization (the same as an empty token).
        public var accessToken: String?
        /// Whether the API is read-only.
        public var isRestricted = true
        /// Host names under which the API answers without a token, in addition to addresses, the machine's name and
        /// names that DNS rebinding cannot use; "*" = any (docs/API.md, "Browsers: host names and pages of other
        /// sites").
        public var hosts: [String]?
        /// Whether web pages of other origins can read it in a browser; nil = only with an access token.
        public var allowsOtherOrigins: Bool?
        /// Replaces the machine's `id`.
        public var id: String?
        /// Shown as `worker_id`; nil = the host name.
        public var workerID: String?

        /// More names than one service has.
        public static let hostsMax = 64

        public init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
    }
}
