/// What a running service has to do to get from one configuration to another.
public struct ConfigurationChange: Sendable, Equatable {
    /// Whose processes have to be replaced: they get their settings when they start.
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

    /// What is to be in force now: the new settings, with the old values of what cannot be changed.
    public private(set) var settings: Settings
    public private(set) var replaces: Processes = []
    /// Keys whose new value waits for the next start of the service.
    public private(set) var waiting: [String] = []
    /// Keys whose new value is to be in force now.
    public private(set) var changed: [String] = []

    /// - Parameters:
    ///   - old: what is in force.
    ///   - new: what the configuration says now.
    public init(from old: Settings, to new: Settings) {
        settings = new
        var known = old
        for field in ConfigurationChange.fields {
            field.carry(&known, new)
            guard field.differs(old, new) else { continue }
            switch field.effect {
            case .replaces(let processes):
                replaces.formUnion(processes)
                changed.append(field.key)
            case .waits:
                waiting.append(field.key)
                field.carry(&settings, old)
            }
        }
        // Something that the table does not know: right is what a new start would do.
        if known != new {
            replaces = .all
            changed.append("others")
        }
        // It comes or goes; there is nothing to replace.
        if (old.api == nil) != (new.api == nil) { replaces.remove(.gateway) }
    }

    /// Those of the changed keys that these processes read.
    public func changed(of processes: Processes) -> [String] {
        changed.filter { key in
            guard let field = ConfigurationChange.fields.first(where: { $0.key == key }) else { return true }
            if case .replaces(let readers) = field.effect { return !readers.isDisjoint(with: processes) }
            return false
        }
    }

    enum Effect: Sendable {
        case replaces(Processes)
        /// Cannot be changed while the service runs.
        case waits
    }

    struct Field {
        /// As the operator writes it.
        let key: String
        /// As `Settings` calls it.
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

    /// Every member of `Settings`, and who reads it.
    static var fields: [Field] {
        [
            // They inherit their sockets when they start.
            Field("bind", "binds", \.binds, .replaces(.shards)),
            Field("pools", "pools", \.pools, .replaces(.shards)),
            Field("retries", "retries", \.retries, .replaces(.shards)),
            Field("retry-pause", "retryPauseSeconds", \.retryPauseSeconds, .replaces(.shards)),
            Field("access-password", "accessPassword", \.accessPassword, .replaces(.shards)),
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
            Field("verbose", "isVerbose", \.isVerbose, .replaces(.all)),
            Field("print-time", "printSeconds", \.printSeconds, .replaces(.collector)),
            Field("watch", "watchesFile", \.watchesFile, .replaces([])),
            Field("autosave", "savesDocument", \.savesDocument, .replaces([])),
            // Nobody is replaced: some come or go.
            Field("millrace.shards", "shards", \.shards, .replaces([])),
            Field("millrace.keep-connections", "keepsConnections", \.keepsConnections, .replaces(.shards)),
            // It is the name of the service, by which verbs and supervisors find it: another one is another service.
            Field("millrace.run-dir", "runDirectory", \.runDirectory, .waits),
            Field("millrace.database", "database", \.database, .replaces([.collector, .gateway])),
            Field("millrace.history-days", "historyDays", \.historyDays, .replaces(.collector)),
            Field("millrace.forget-workers-days", "forgetWorkersDays", \.forgetWorkersDays, .replaces(.collector)),
            Field("millrace.metrics-per-worker", "metricsPerWorker", \.metricsPerWorker, .replaces(.gateway)),
        ]
    }
}
