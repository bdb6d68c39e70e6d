/// The actions by which a running service changes from one configuration to another.
public struct ConfigurationChange: Sendable, Equatable {
    /// Processes that must be replaced, because they read their settings at startup.
    public struct Processes: OptionSet, Sendable {
        public let rawValue: UInt8

        public static let collector = Processes(rawValue: 1)
        public static let shards = Processes(rawValue: 2)
        public static let gateway = Processes(rawValue: 4)
        public static let all: Processes = [.collector, .shards, .gateway]

        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }
    }

    /// The settings that take effect now: the new ones, with the old values of keys that cannot be changed while
    /// running.
    public private(set) var settings: Settings
    public private(set) var replaces: Processes = []
    /// Keys whose new values take effect with the next start of the service.
    public private(set) var waiting: [String] = []
    /// Keys whose new values take effect now.
    public private(set) var changed: [String] = []

    /// - Parameters:
    ///   - old: the settings in force.
    ///   - new: the settings of the new configuration.
    public init(from old: Settings, to new: Settings) {
        settings = new
        var known = old
        for field in ConfigurationChange.fields {
            field.carry(&known, new)
            guard field.differs(old, new) else { continue }
            switch field.effect {
            case .replaces(let processes):
                replaces.formUnion(processes)
                // Two fields may have one key.
                if changed.last != field.key { changed.append(field.key) }
            case .waits:
                waiting.append(field.key)
                field.carry(&settings, old)
            }
        }
        // A difference in a setting that is not in the table: act as for a new start.
        if known != new {
            replaces = .all
            changed.append("others")
        }
        // The gateway is started or stopped; there is none to replace.
        if (old.api == nil) != (new.api == nil) { replaces.remove(.gateway) }
    }

    /// The changed keys that these processes read.
    public func changed(of processes: Processes) -> [String] {
        changed.filter { key in
            guard let field = ConfigurationChange.fields.first(where: { $0.key == key }) else { return true }
            if case .replaces(let readers) = field.effect { return !readers.isDisjoint(with: processes) }
            return false
        }
    }

    enum Effect: Sendable {
        case replaces(Processes)
        /// Takes effect with the next start of the service.
        case waits
    }

    struct Field {
        /// As in the configuration file.
        let key: String
        /// As in `Settings`.
        let name: String
        let effect: Effect
        let differs: (Settings, Settings) -> Bool
        let carry: (inout Settings, Settings) -> Void

        init<Value: Equatable>(
            _ key: String, _ name: String, _ path: WritableKeyPath<Settings, Value>, _ effect: Effect
        ) {
            self.key = key
            self.name = name
            self.effect = effect
            differs = { $0[keyPath: path] != $1[keyPath: path] }
            carry = { $0[keyPath: path] = $1[keyPath: path] }
        }
    }

    /// Keys that cannot be changed while the service runs.
    static let waitingKeys = fields.filter { if case .waits = $0.effect { true } else { false } }.map(\.key)

    /// Every member of `Settings` and the processes that read it.
    static var fields: [Field] {
        [
            // Shards inherit the sockets when they start.
            Field("bind", "binds", \.binds, .replaces(.shards)),
            Field("pools", "pools", \.pools, .replaces(.shards)),
            Field("retries", "retries", \.retries, .replaces(.shards)),
            Field("retry-pause", "retryPauseSeconds", \.retryPauseSeconds, .replaces(.shards)),
            Field("tls", "tls", \.tls, .replaces([.shards, .gateway])),
            Field("access-password", "accessPassword", \.accessPassword, .replaces(.shards)),
            Field("mode", "mode", \.mode, .replaces([.shards, .gateway])),
            Field("reuse-timeout", "reuseSeconds", \.reuseSeconds, .replaces(.shards)),
            Field("millrace.pass-login", "passesLogins", \.passesLogins, .replaces(.shards)),
            Field("algo-ext", "offersAlgoExtension", \.offersAlgoExtension, .replaces(.shards)),
            Field("custom-diff", "customDifficulty", \.customDifficulty, .replaces(.shards)),
            Field("custom-diff-stats", "countsCustomDifficulty", \.countsCustomDifficulty, .replaces(.shards)),
            Field("millrace.guard-pools", "guardsPools", \.guardsPools, .replaces(.shards)),
            Field("millrace.limits", "limits", \.limits, .replaces(.shards)),
            Field("workers", "workerNaming", \.workerNaming, .replaces([.shards, .gateway])),
            Field("user-agent", "userAgent", \.userAgent, .replaces(.shards)),
            Field("dns", "dns", \.dns, .replaces(.shards)),
            Field("http", "api", \.api, .replaces(.gateway)),
            Field("log-file", "logFile", \.logFile, .replaces(.all)),
            Field("colors", "usesColors", \.usesColors, .replaces(.all)),
            Field("millrace.log-format", "logFormat", \.logFormat, .replaces(.all)),
            Field("syslog", "usesSyslog", \.usesSyslog, .replaces(.all)),
            Field("verbose", "isVerbose", \.isVerbose, .replaces(.all)),
            Field("print-time", "printSeconds", \.printSeconds, .replaces(.collector)),
            Field("watch", "watchesFile", \.watchesFile, .replaces([])),
            Field("autosave", "savesDocument", \.savesDocument, .replaces([])),
            // No process is replaced: shards are added or removed.
            Field("millrace.shards", "shards", \.shards, .replaces([])),
            Field("millrace.shards", "shardsMax", \.shardsMax, .replaces([])),
            Field("millrace.keep-connections", "keepsConnections", \.keepsConnections, .replaces(.shards)),
            // It identifies the service for verbs and supervisors: another run directory is another service.
            Field("millrace.run-dir", "runDirectory", \.runDirectory, .waits),
            Field("millrace.database", "database", \.database, .replaces([.collector, .gateway])),
            Field("millrace.history-days", "historyDays", \.historyDays, .replaces(.collector)),
            Field("millrace.forget-workers-days", "forgetWorkersDays", \.forgetWorkersDays, .replaces(.collector)),
            Field("millrace.metrics-per-worker", "metricsPerWorker", \.metricsPerWorker, .replaces(.gateway)),
        ]
    }
}
