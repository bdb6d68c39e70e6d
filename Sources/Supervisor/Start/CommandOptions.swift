internal import ArgumentParser
internal import Configuration
internal import DaemonKit

/// The options of the configuration, declared for ArgumentParser, which writes the help and the completion scripts.
/// Names and texts come from `KnownOption`.
///
/// The values of these properties are not used. ArgumentParser does not keep the order of different options, and in `-o
/// a -u x -o b` the `-u` belongs to `a`. It also rejects options that start scripts for xmrig-proxy use. Therefore
/// `CommandLineReading` reads the command line. It keeps numbers as text, so that `resolve` checks the values of files
/// and options in one place.
struct CommandOptions: ParsableArguments {
    @OptionGroup(title: KnownOption.Group.service.rawValue) var service: ServiceOptions
    @OptionGroup(title: KnownOption.Group.pools.rawValue) var pools: PoolOptions
    @OptionGroup(title: KnownOption.Group.miners.rawValue) var miners: MinerOptions
    @OptionGroup(title: KnownOption.Group.api.rawValue) var api: APIOptions
    @OptionGroup(title: KnownOption.Group.logging.rawValue) var logging: LoggingOptions
    @OptionGroup(title: KnownOption.Group.later.rawValue) var later: LaterOptions

    /// The command line of this process. Exits with code 64 if it has errors.
    /// - Parameter flags: flags of the verb that are not options of the configuration.
    static func given(except flags: [String] = []) -> CommandLineReading {
        let words = CommandLine.arguments.dropFirst().filter { !flags.contains($0) }
        let line = CommandLineReading(words, verbs: Millrace.verbs)
        guard !line.errors.isEmpty else { return line }
        for finding in line.warnings + line.errors { say("\(finding)") }
        say("see millrace --help (commands) and millrace run --help (options)")
        DaemonKit.ExitCode.usage.exit()
    }
}

struct ServiceOptions: ParsableArguments {
    @Option(name: .known("config"), help: .known("config")) var config: String?
    @Option(name: .known("data-dir"), help: .known("data-dir")) var dataDirectory: String?
    @Flag(name: .known("dry-run"), help: .known("dry-run")) var dryRun = false
    @Option(name: .known("shards"), help: .known("shards")) var shards: String?
    @Option(name: .known("run-dir"), help: .known("run-dir")) var runDirectory: String?
    @Option(name: .known("database"), help: .known("database")) var database: String?
}

struct PoolOptions: ParsableArguments {
    @Option(name: .known("url"), help: .known("url")) var url: [String] = []
    @Option(name: .known("user"), help: .known("user")) var user: [String] = []
    @Option(name: .known("pass"), help: .known("pass")) var pass: [String] = []
    @Option(name: .known("userpass"), help: .known("userpass")) var userpass: [String] = []
    @Option(name: .known("rig-id"), help: .known("rig-id")) var rigID: [String] = []
    @Option(name: .known("algo"), help: .known("algo")) var algo: [String] = []
    @Option(name: .known("coin"), help: .known("coin")) var coin: [String] = []
    @Flag(name: .known("keepalive"), help: .known("keepalive")) var keepalive = false
    @Flag(name: .known("tls"), help: .known("tls")) var tls = false
    @Option(name: .known("tls-fingerprint"), help: .known("tls-fingerprint")) var tlsFingerprint: [String] = []
    @Option(name: .known("proxy"), help: .known("proxy")) var proxy: [String] = []
    @Option(name: .known("retries"), help: .known("retries")) var retries: String?
    @Option(name: .known("retry-pause"), help: .known("retry-pause")) var retryPause: String?
    @Option(name: .known("user-agent"), help: .known("user-agent")) var userAgent: String?
    @Flag(name: .known("ipv4"), help: .known("ipv4")) var ipv4 = false
    @Flag(name: .known("ipv6"), help: .known("ipv6")) var ipv6 = false
    @Option(name: .known("dns-ttl"), help: .known("dns-ttl")) var dnsTTL: String?
}

struct MinerOptions: ParsableArguments {
    @Option(name: .known("bind"), help: .known("bind")) var bind: [String] = []
    @Option(name: .known("tls-bind"), help: .known("tls-bind")) var tlsBind: [String] = []
    @Option(name: .known("tls-gen"), help: .known("tls-gen")) var tlsGen: String?
    @Option(name: .known("tls-cert"), help: .known("tls-cert")) var tlsCert: String?
    @Option(name: .known("tls-cert-key"), help: .known("tls-cert-key")) var tlsCertKey: String?
    @Option(name: .known("tls-dhparam"), help: .known("tls-dhparam")) var tlsDHParam: String?
    @Option(name: .known("tls-protocols"), help: .known("tls-protocols")) var tlsProtocols: String?
    @Option(name: .known("tls-ciphers"), help: .known("tls-ciphers")) var tlsCiphers: String?
    @Option(name: .known("tls-ciphersuites"), help: .known("tls-ciphersuites")) var tlsCiphersuites: String?
    @Option(name: .known("custom-diff"), help: .known("custom-diff")) var customDiff: String?
    @Flag(name: .known("custom-diff-stats"), help: .known("custom-diff-stats")) var customDiffStats = false
    @Option(name: .known("access-password"), help: .known("access-password")) var accessPassword: String?
    @Option(name: .known("workers"), help: .known("workers")) var workers: String?
    @Flag(name: .known("no-workers"), help: .known("no-workers")) var noWorkers = false
    @Flag(name: .known("no-algo-ext"), help: .known("no-algo-ext")) var noAlgoExtension = false
    @Option(name: .known("mode"), help: .known("mode")) var mode: String?
    @Option(name: .known("reuse-timeout"), help: .known("reuse-timeout")) var reuseTimeout: String?
}

struct APIOptions: ParsableArguments {
    @Flag(name: .known("http-enabled"), help: .known("http-enabled")) var httpEnabled = false
    @Option(name: .known("http-host"), help: .known("http-host")) var httpHost: String?
    @Option(name: .known("http-port"), help: .known("http-port")) var httpPort: String?
    @Option(name: .known("http-access-token"), help: .known("http-access-token")) var httpAccessToken: String?
    @Flag(name: .known("http-no-restricted"), help: .known("http-no-restricted")) var httpNoRestricted = false
    @Option(name: .known("api-worker-id"), help: .known("api-worker-id")) var apiWorkerID: String?
    @Option(name: .known("api-id"), help: .known("api-id")) var apiID: String?
    @Option(name: .known("api-port"), help: .known("api-port")) var apiPort: String?
    @Option(name: .known("api-access-token"), help: .known("api-access-token")) var apiAccessToken: String?
}

struct LoggingOptions: ParsableArguments {
    @Option(name: .known("log-file"), help: .known("log-file")) var logFile: String?
    @Option(name: .known("log-format"), help: .known("log-format")) var logFormat: String?
    @Flag(name: .known("syslog"), help: .known("syslog")) var syslog = false
    @Flag(name: .known("no-color"), help: .known("no-color")) var noColor = false
    @Flag(name: .known("verbose"), help: .known("verbose")) var verbose = false
    @Flag(name: .known("debug"), help: .known("debug")) var debug = false
}

struct LaterOptions: ParsableArguments {
    @Flag(name: .known("daemon"), help: .known("daemon")) var daemon = false
    @Option(name: .known("daemon-zmq-port"), help: .known("daemon-zmq-port")) var daemonZMQPort: [String] = []
    @Option(name: .known("daemon-poll-interval"), help: .known("daemon-poll-interval"))
    var daemonPollInterval: [String] = []
    @Option(name: .known("daemon-job-timeout"), help: .known("daemon-job-timeout")) var daemonJobTimeout: [String] = []
    @Option(name: .known("self-select"), help: .known("self-select")) var selfSelect: [String] = []
    @Flag(name: .known("submit-to-origin"), help: .known("submit-to-origin")) var submitToOrigin = false
    @Option(name: .known("spend-secret-key"), help: .known("spend-secret-key")) var spendSecretKey: [String] = []
    @Option(name: .known("donate-level"), help: .known("donate-level")) var donateLevel: String?
    @Option(name: .known("access-log-file"), help: .known("access-log-file")) var accessLogFile: String?
    @Flag(name: .known("background"), help: .known("background")) var background = false
    @Option(name: .known("login-file"), help: .known("login-file")) var loginFile: String?
}

extension NameSpecification {
    /// The long and the short name of an option. An unknown name is used as it is; a test looks for those.
    static func known(_ name: String) -> NameSpecification {
        var elements: [Element] = [.customLong(name)]
        if let known = KnownOption.named(name), let letter = known.short {
            elements.insert(.customShort(letter, allowingJoined: known.valueName != nil), at: 0)
        }
        return NameSpecification(elements)
    }
}

extension ArgumentHelp {
    static func known(_ name: String) -> ArgumentHelp {
        let known = KnownOption.named(name)
        return ArgumentHelp(known?.help ?? "", valueName: known?.valueName)
    }
}
