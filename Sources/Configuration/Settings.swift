/// Everything a Millrace process needs to know, validated: what is in here can be used without another check.
///
/// The supervisor makes it once from file, options and environment, and hands it to every child as JSON, so that all
/// processes agree. It holds secrets (pool passwords, tokens): never log or serve it whole.
public struct Settings: Codable, Sendable, Equatable {
    /// Where miners connect, in the order of the file. Never empty.
    public var binds: [Bind] = [Bind(host: "0.0.0.0", port: 3333), Bind(host: "::", port: 3333)]
    /// The enabled pools in order of preference. Never empty in a running service.
    public var pools: [Pool] = []
    /// Failures of the first pool before the second is tried, 1…1000 (docs/COMPATIBILITY.md, "Failover").
    public var retries = 2
    /// Seconds between two attempts at one pool, 1…3600.
    public var retryPauseSeconds = 1

    /// What a miner must give as `pass`; nil lets everybody in.
    public var accessPassword: String?
    /// Whether miners are offered the `algo` extension.
    public var offersAlgoExtension = true
    /// Difficulty given to miners when lower than the pool's; 0 = the pool's. 100…2147483646
    /// (docs/COMPATIBILITY.md, "Custom difficulty").
    public var customDifficulty: UInt64 = 0
    /// Whether shares below the pool's difficulty count in the statistics of workers.
    public var countsCustomDifficulty = false
    public var workerNaming = WorkerNaming.rigID
    /// Replaces the user agent that pools see; nil = our own.
    public var userAgent: String?
    public var dns = DNS()

    /// The HTTP API; nil = switched off.
    public var api: API?

    /// A file that gets every log line besides standard error; nil = none.
    public var logFile: String?
    public var isVerbose = false
    public var usesColors = true
    public var logFormat = LogFormat.text
    /// Seconds between two summary lines in the log, 0…3600; 0 = none.
    public var printSeconds = 60

    /// Whether a change of the configuration file is noticed and applied.
    public var watchesFile = true
    /// Whether a configuration that comes over the API is written to the file.
    public var savesDocument = true

    /// How many worker processes, at least 1 (`"auto"` is resolved to the number of cores).
    public var shards = 1
    /// Whether miners' and pools' connections outlive the process of their shard (docs/HANDOVER.md).
    public var keepsConnections = true
    /// Whether the shares of miners that a pool rejects are held back from it (docs/SECURITY.md).
    public var guardsPools = true
    /// What one address may have and do; nil = `Limits()`.
    public var limits: Limits?
    /// An absolute path of at most `runDirectoryBytesMax`: sockets and other files of one running instance.
    public var runDirectory = ""
    /// An absolute path: the statistics.
    public var database = ""
    /// How many workers have series of their own in `/metrics`, those with the highest hashrates; 0 = none.
    public var metricsPerWorker = 0
    /// How long the history reaches back, in days, 1…3650.
    public var historyDays = 30
    /// After how many days without a sign a worker is forgotten, 1…3650. The totals keep what it did.
    public var forgetWorkersDays = 7

    public init() {}

    /// The longest name that a socket in the run directory may have.
    public static let socketNameBytesMax = 32
    /// The kernel takes 107 bytes as the path of a Unix socket (`sun_path` less its NUL); a slash and the name are in.
    public static let runDirectoryBytesMax = 107 - 1 - socketNameBytesMax
    /// More processes than any machine has cores that would help; each holds pool connections of its own.
    public static let shardsMax = 256
    /// Each address costs a descriptor per shard.
    public static let bindsMax = 64
    /// Failover walks through the list: behind so many nobody is ever reached.
    public static let poolsMax = 64
    /// Each worker costs a Prometheus about ten series; a farm with more workers than this asks `/1/workers`.
    public static let metricsPerWorkerMax = 10_000
    /// An hour, as in xmrig-proxy.
    public static let printSecondsMax = 3_600

    /// An address that miners connect to.
    public struct Bind: Codable, Sendable, Equatable {
        /// Numeric, without brackets.
        public var host: String
        /// 0 = any free port (printed at start).
        public var port: UInt16
        /// Senders of PROXY headers: addresses and prefixes, such as "192.0.2.7" and "10.0.0.0/8". Their connections
        /// begin with such a header, and those of others must not. nil = none.
        public var proxyProtocol: [String]?

        public init(host: String, port: UInt16, proxyProtocol: [String]? = nil) {
            self.host = host
            self.port = port
            self.proxyProtocol = proxyProtocol
        }

        public var proxySenders: [String] { proxyProtocol ?? [] }

        /// Whether both are the same socket.
        public func hasSameAddress(as other: Bind) -> Bool { host == other.host && port == other.port }

        /// More balancers, or networks of a cloud's balancers, than stand in front of one proxy.
        public static let proxySendersMax = 256
    }

    /// What one address of miners may have and do on this machine, in all shards together (docs/SECURITY.md).
    public struct Limits: Codable, Sendable, Equatable {
        /// Connections; 0 = as many as there is room for.
        public var connections = 0
        /// Connections that have not logged in a second after they came; 0 = no limit.
        public var waiting = 256
        /// Logins a second, when `burst` is spent; 0 = no limit.
        public var logins = 100
        /// Logins at once.
        public var burst = 10_000
        /// Protocol faults within a minute, after which the address is banned; 0 = never.
        public var faults = 100
        /// Seconds of the first ban.
        public var banSeconds = 600
        /// Refusals are counted and logged, and nothing is refused.
        public var isDryRun = false
        /// Addresses and prefixes that no limit applies to, and those that are refused whatever they do.
        public var allowed: [String] = []
        public var denied: [String] = []
        /// Absolute paths of files with more of them, one a line.
        public var allowFile: String?
        public var denyFile: String?

        public init() {}

        /// More than an operator lists by hand; files may have more (`AddressList.prefixesMax`).
        public static let prefixesMax = 1_024
    }

    /// A pool and the login we use there.
    public struct Pool: Codable, Sendable, Equatable {
        public var host: String
        public var port: UInt16
        public var user: String
        public var password: String
        /// Sent as `rigid` when not nil.
        public var rigID: String?
        /// The algorithm of jobs that name none, such as "rx/0".
        public var algorithm: String?
        /// Seconds without a request of ours before a `keepalived` goes out, whether the pool offers keepalives or not;
        /// 0 = only to pools that offer them, after 60 s.
        public var keepaliveSeconds = 0

        public init(host: String, port: UInt16, user: String, password: String) {
            self.host = host
            self.port = port
            self.user = user
            self.password = password
        }

        /// "pool.example:3333", fit for logs (no login).
        public var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// What names a row of the workers table (docs/COMPATIBILITY.md, "Worker names").
    public enum WorkerNaming: String, Codable, Sendable, CaseIterable {
        case none
        case rigID = "rig_id"
        case user, password, agent, ip
    }

    /// How log lines look.
    public enum LogFormat: String, Codable, Sendable, CaseIterable {
        /// For people.
        case text
        /// One JSON object a line, for machines.
        case json
    }

    public struct DNS: Codable, Sendable, Equatable {
        /// 0 = any, 4 or 6.
        public var ipVersion = 0
        /// Seconds that an answer is kept, at least 1.
        public var ttlSeconds = 30

        public init() {}
    }

    /// Where and how the gateway serves.
    public struct API: Codable, Sendable, Equatable {
        /// A numeric address.
        public var host: String
        /// 0 = any free port (printed at start).
        public var port: UInt16
        /// Clients must send it as `Authorization: Bearer …`; nil = no authorization (an empty token means none).
        public var accessToken: String?
        /// Read-only.
        public var isRestricted = true
        /// Host names that the API may be asked under without a token, besides those that no stranger can own; "*" = any.
        public var hosts: [String]?
        /// Whether pages of other origins may read it in a browser; nil = only with an access token.
        public var allowsOtherOrigins: Bool?
        /// Replaces the machine's own `id`.
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
