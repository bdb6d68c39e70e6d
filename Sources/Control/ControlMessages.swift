/// A request of the operator's command line or the gateway to the supervisor over the control socket.
///
/// One connection, one request, one reply; each is a JSON object on one line that ends with LF (`ControlLine`).
public enum ControlRequest: Equatable, Sendable {
    /// Request the status of the service. Answered with `ControlReply.status`.
    case status
    /// Request the configuration in force, without secrets. Answered with `ControlReply.configuration`.
    case configuration
    /// Use this configuration, the JSON text of a complete file. It is validated as a whole, then written to the file
    /// and applied; or it is refused and nothing changes. `redacted` in place of a secret keeps the current secret.
    case configure(document: String)
    /// Read the configuration file again, as SIGHUP does. Answered like `configure`.
    case reload
    /// Replace the process of a shard by a planned restart. Answered with `begun`.
    case restart(shard: Int)
    /// Replace the processes of all shards, each after the previous one is ready.
    case restartAll
    /// Replace the process of the collector or the gateway, or retry a failed one at once. Answered with `begun`.
    case restartProcess(ChildStatus.Kind)
    /// Replace every process, one after the other: the shards as with `restartAll`, then the collector and the gateway.
    case restartEverything
    /// Disconnect the miners of a shard at random moments within `withinSeconds` (0 to `withinSecondsMax`) and end its
    /// process. It stays stopped until `restart`. Answered with `begun`.
    case drain(shard: Int, withinSeconds: Int)
    /// Change the number of shards (at least 1): new ones are started, or the last ones are drained within
    /// `withinSeconds` and removed. Answered with `begun`.
    case scale(shards: Int, withinSeconds: Int)
    /// Move miners from shards with many to shards with few. Answered with `begun`.
    case rebalance
    /// Request the list of banned addresses. Answered with `ControlReply.bans`.
    case bans
    /// End the ban of this address, or all bans when it is nil. Answered with `done`.
    case unban(address: String?)
    /// Continue as the program that is now at the path from which this one was started, and replace every process.
    /// Answered with `begun`; `ServiceStatus.upgrade` shows the progress. The socket is not available for a moment.
    case upgrade
    /// Stop the service, as SIGTERM does. Answered with `begun`; the socket is removed when everything has ended.
    case stop

    /// The default time in which miners are disconnected.
    public static let withinSecondsDefault = 30
    /// A longer drain is not useful: the miners could be gone in a minute.
    public static let withinSecondsMax = 3_600

    /// Replaces secrets in a served configuration.
    public static let redacted = "***"
}

/// The supervisor's answer to a request.
public enum ControlReply: Equatable, Sendable {
    case status(ServiceStatus)
    /// The JSON text of the configuration, with secrets replaced by `ControlRequest.redacted`.
    case configuration(document: String)
    case bans([BannedAddress])
    /// The configuration was accepted and is in force, except for the keys in `ConfigurationStatus.waitingForRestart`.
    /// Processes that must be replaced for it follow one after the other (`ServiceStatus.restarting`).
    case done
    /// The operation has started; `status` shows its progress.
    case begun
    /// Nothing was changed. The lines give the reason for the operator (file, line, what was expected).
    case refused(ControlRefusal)
}

/// An address whose connections are refused for a time.
public struct BannedAddress: Codable, Equatable, Sendable {
    /// "192.0.2.7"; for IPv6 a network: "2001:db8:0:7::/64".
    public var address: String
    public var secondsLeft: Int
    /// The number of bans within a day, including this one. Each is twice as long as the one before.
    public var bans: Int
    /// Connections refused because of a ban since the address is known.
    public var refused: UInt64

    public init(address: String, secondsLeft: Int, bans: Int, refused: UInt64) {
        self.address = address
        self.secondsLeft = secondsLeft
        self.bans = bans
        self.refused = refused
    }
}

/// Why a request was refused.
public struct ControlRefusal: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// The configuration or the request is invalid.
        case invalid
        /// The shard does not exist.
        case unknownShard
        /// It is not possible in this service (no configuration file to write, …), or not at the moment.
        case impossible
    }

    public var kind: Kind
    public var lines: [String]

    public init(_ kind: Kind, lines: [String]) {
        self.kind = kind
        self.lines = lines
    }
}

/// The state of the service as seen by the supervisor.
public struct ServiceStatus: Codable, Equatable, Sendable {
    public var version: String
    public var processID: Int32
    /// Milliseconds since 1970.
    public var startedAt: UInt64
    public var children: [ChildStatus]
    /// Planned restarts that have not finished, the current one first ("shard 0", "collector", "gateway").
    public var restarting: [String]
    /// The target number of shards while it changes; nil when it is reached.
    public var scalesTo: Int?
    /// True while a requested rebalance moves miners between shards; otherwise nil.
    public var isRebalancing: Bool?
    /// The process at which the last round of planned restarts was stopped because its new process failed; nil when
    /// none was stopped.
    public var restartHaltedAt: String?
    /// The last upgrade; nil when there was none.
    public var upgrade: UpgradeStatus?
    /// True once a stop was requested.
    public var isStopping: Bool
    public var configuration: ConfigurationStatus
    /// Current degradations, each a short text that begins with its subject; empty when there are none, nil from a
    /// version that does not report them.
    public var degraded: [String]?
    /// The same degradations with their processes and kinds.
    public var degradations: [DegradedStatus]?
    /// The program that the supervisor executes; nil from a version that does not report it.
    public var program: ProgramStatus?

    public init(
        version: String, processID: Int32, startedAt: UInt64, children: [ChildStatus],
        configuration: ConfigurationStatus
    ) {
        self.version = version
        self.processID = processID
        self.startedAt = startedAt
        self.children = children
        restarting = []
        isStopping = false
        self.configuration = configuration
    }
}

/// A program of the service.
public struct ProgramStatus: Codable, Equatable, Sendable {
    /// The path from which it was started. The program at this path now is the one for the next upgrade
    /// (`ControlRequest.upgrade`).
    public var path: String
    public var version: String
    /// The modification time of its file, in milliseconds since 1970. The path can have another file by now.
    public var modifiedAt: UInt64

    public init(path: String, version: String, modifiedAt: UInt64) {
        self.path = path
        self.version = version
        self.modifiedAt = modifiedAt
    }
}

/// The progress or result of an upgrade.
public struct UpgradeStatus: Codable, Equatable, Sendable {
    public enum Phase: String, Codable, Sendable {
        /// The new program is asked whether it can continue this service.
        case trying
        /// The upgrade was refused and nothing has changed.
        case refused
        /// The new program is the supervisor; the other processes are being replaced.
        case replacing
        case done
        /// The new process of a shard failed (`ServiceStatus.restartHaltedAt`); the remaining ones were not replaced.
        case halted
    }

    public var phase: Phase
    /// Why it was refused, for people.
    public var lines: [String]

    public init(_ phase: Phase, lines: [String] = []) {
        self.phase = phase
        self.lines = lines
    }
}

/// A process of the service, or a process that should exist.
public struct ChildStatus: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable { case collector, shard, gateway }

    /// The names of the supervision core's states.
    public enum State: String, Codable, Sendable, CaseIterable {
        case idle, starting, ready, draining, stopping, backoff, failed, stopped, drained
    }

    public var kind: Kind
    /// The shard's number; nil for the others.
    public var shard: Int?
    public var state: State
    /// nil when no process is running.
    public var processID: Int32?
    /// When the process was started, in milliseconds since 1970; nil when none is running.
    public var startedAt: UInt64?
    /// As last reported by a shard: miners with a job, and upstreams with a pool. nil when nothing was reported yet.
    public var miners: Int?
    public var upstreams: Int?
    /// How often the process was started again after the first time.
    public var restarts: Int
    /// The restarts by cause: "exit 3", "SIGKILL", "stalled", "never ready", "not startable", "asked".
    public var restartCauses: [String: Int]
    /// Why it has failed, or how the last process ended; nil when none has failed.
    public var lastDeath: String?
    /// True when the process was started before the configuration in force, reads a key that has changed since, and is
    /// not about to be replaced.
    public var runsOldConfiguration: Bool?

    public init(kind: Kind, shard: Int? = nil, state: State) {
        self.kind = kind
        self.shard = shard
        self.state = state
        restarts = 0
        restartCauses = [:]
    }
}

/// The state of the configuration.
public struct ConfigurationStatus: Codable, Equatable, Sendable {
    /// The path of the file; nil when there is none.
    public var file: String?
    /// When the configuration in force was read, in milliseconds since 1970.
    public var loadedAt: UInt64
    /// Why the last attempt to load a configuration was refused; empty when it was not.
    public var lastRefusal: [String]
    /// Keys whose new values are not in force because they cannot be changed while the service runs, each with a text:
    /// "millrace.run-dir: …".
    public var waitingForRestart: [String]
    /// Warnings about the configuration in force: unknown keys, ignored values. nil from a version that does not report
    /// them.
    public var warnings: [String]?
    /// The path of the statistics file; nil from a version that does not report it.
    public var database: String?
    /// The certificate that miners are shown; nil when they cannot use TLS, and from a version that does not report it.
    public var certificate: CertificateStatus?

    public init(
        file: String?, loadedAt: UInt64, lastRefusal: [String] = [], waitingForRestart: [String] = []
    ) {
        self.file = file
        self.loadedAt = loadedAt
        self.lastRefusal = lastRefusal
        self.waitingForRestart = waitingForRestart
    }
}

/// A certificate that miners are shown.
public struct CertificateStatus: Codable, Equatable, Sendable {
    /// 64 lower-case hexadecimal digits, as `tls-fingerprint` of XMRig takes them.
    public var sha256: String
    /// Host names and addresses.
    public var names: [String]
    /// Milliseconds since 1970.
    public var expiresAt: UInt64

    public init(sha256: String, names: [String], expiresAt: UInt64) {
        self.sha256 = sha256
        self.names = names
        self.expiresAt = expiresAt
    }
}
