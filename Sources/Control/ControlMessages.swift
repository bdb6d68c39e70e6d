/// What the operator's command line and the gateway ask of the supervisor over the control socket.
///
/// One connection, one request, one reply: each a JSON object on one line that ends with LF (`ControlLine`).
public enum ControlRequest: Equatable, Sendable {
    /// How is everything? Answered with `ControlReply.status`.
    case status
    /// The configuration in force, without secrets. Answered with `ControlReply.configuration`.
    case configuration
    /// Take this configuration, the JSON text of a whole file: validated whole, then written to the file and applied, or
    /// refused with nothing changed. `redacted` in the place of a secret keeps the secret that is there.
    case configure(document: String)
    /// Read the configuration file again, as SIGHUP does. Answered like `configure`.
    case reload
    /// Replace the process of one shard in good order. Answered with `begun`.
    case restart(shard: Int)
    /// The same for every shard, one after the other, each when the one before is ready.
    case restartAll
    /// Replace the process of the collector or the gateway, or try one that has failed again at once. Answered with `begun`.
    case restartProcess(ChildStatus.Kind)
    /// Every process, one after the other: the shards as with `restartAll`, then the collector and the gateway.
    case restartEverything
    /// Send the miners of one shard away, at random moments within so many seconds (0 to `withinSecondsMax`), and leave its place empty
    /// until `restart`. Answered with `begun`.
    case drain(shard: Int, withinSeconds: Int)
    /// Have so many shards (at least 1): new ones are started, or the last ones drained within so many seconds and removed.
    /// Answered with `begun`.
    case scale(shards: Int, withinSeconds: Int)
    /// Move miners from shards with many to shards with few. Answered with `begun`.
    case rebalance
    /// Which addresses are banned? Answered with `ControlReply.bans`.
    case bans
    /// End the ban of this address, or with nil all bans. Answered with `done`.
    case unban(address: String?)
    /// Go on as the program that is now where this one was started from, and replace every process. Answered with `begun`;
    /// `ServiceStatus.upgrade` tells how it goes. The socket is away for a moment meanwhile.
    case upgrade
    /// End the service in good order, as SIGTERM does. Answered with `begun`; the socket vanishes when all is over.
    case stop

    /// Over how many seconds miners are sent away, unless somebody says otherwise.
    public static let withinSecondsDefault = 30
    /// Nobody waits longer for miners that could be gone in a minute.
    public static let withinSecondsMax = 3_600

    /// What stands in a served configuration where a secret is.
    public static let redacted = "***"
}

/// The supervisor's word.
public enum ControlReply: Equatable, Sendable {
    case status(ServiceStatus)
    /// The JSON text of the configuration, secrets replaced by `ControlRequest.redacted`.
    case configuration(document: String)
    case bans([BannedAddress])
    /// The configuration was accepted and is in force, except for what `ConfigurationStatus.waitingForRestart` tells;
    /// processes that have to be replaced for it follow one after the other (`ServiceStatus.restarting`).
    case done
    /// It goes on; `status` tells how.
    case begun
    /// Nothing was changed. The lines say why, in words for the operator (file, line, what was expected).
    case refused(ControlRefusal)
}

/// An address whose connections are refused for a time.
public struct BannedAddress: Codable, Equatable, Sendable {
    /// "192.0.2.7", or of IPv6 a network: "2001:db8:0:7::/64".
    public var address: String
    public var secondsLeft: Int
    /// How many bans within a day, with this one: each is twice as long as the one before.
    public var bans: Int
    /// Connections that were refused for a ban, since the address is known.
    public var refused: UInt64

    public init(address: String, secondsLeft: Int, bans: Int, refused: UInt64) {
        self.address = address
        self.secondsLeft = secondsLeft
        self.bans = bans
        self.refused = refused
    }
}

public struct ControlRefusal: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// The configuration is not valid, or the request makes no sense.
        case invalid
        /// There is no such shard.
        case unknownShard
        /// It cannot be done in this service (no configuration file to write, …), or not just now.
        case impossible
    }

    public var kind: Kind
    public var lines: [String]

    public init(_ kind: Kind, lines: [String]) {
        self.kind = kind
        self.lines = lines
    }
}

/// The supervisor's view of the service.
public struct ServiceStatus: Codable, Equatable, Sendable {
    public var version: String
    public var processID: Int32
    /// Milliseconds since 1970.
    public var startedAt: UInt64
    public var children: [ChildStatus]
    /// Planned restarts that are not finished: the one under way first ("shard 0", "collector", "gateway").
    public var restarting: [String]
    /// The number of shards that is on its way; nil when there are as many as there shall be.
    public var scalesTo: Int?
    /// True while miners move between shards because that was asked for; nil when they do not.
    public var isRebalancing: Bool?
    /// The place at which the last round of planned restarts was given up because its new process failed; nil when
    /// none was.
    public var restartHaltedAt: String?
    /// The last upgrade; nil when there was none.
    public var upgrade: UpgradeStatus?
    /// True from the moment a stop was asked for.
    public var isStopping: Bool
    public var configuration: ConfigurationStatus
    /// What does not work as it should, as long as it does not, each a short text that begins with its subject; empty when all
    /// is well, nil from a version that does not tell.
    public var degraded: [String]?
    /// The same, each with its process and its kind.
    public var degradations: [DegradedStatus]?
    /// What the supervisor executes; nil from a version that does not tell.
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
    /// Where it was started from: the program that is there now is the next one (`ControlRequest.upgrade`).
    public var path: String
    public var version: String
    /// When its file was made, in milliseconds since 1970. The file at the path may be another one by now.
    public var modifiedAt: UInt64

    public init(path: String, version: String, modifiedAt: UInt64) {
        self.path = path
        self.version = version
        self.modifiedAt = modifiedAt
    }
}

/// How an upgrade goes, or went.
public struct UpgradeStatus: Codable, Equatable, Sendable {
    public enum Phase: String, Codable, Sendable {
        /// The new program is asked whether it can go on with this service.
        case trying
        /// Nothing has changed.
        case refused
        /// The new program supervises; the other processes are being replaced.
        case replacing
        case done
        /// The new process of a shard failed (`ServiceStatus.restartHaltedAt`); those behind it were left as they were.
        case halted
    }

    public var phase: Phase
    /// For people: why it was refused.
    public var lines: [String]

    public init(_ phase: Phase, lines: [String] = []) {
        self.phase = phase
        self.lines = lines
    }
}

/// One process of the service, or the place where it should be.
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
    /// nil when there is no process now.
    public var processID: Int32?
    /// Milliseconds since 1970: when the process was started; nil when there is none.
    public var startedAt: UInt64?
    /// Of a shard, as it has told last: miners that have a job, and upstreams that a pool serves. nil when it has not told yet.
    public var miners: Int?
    public var upstreams: Int?
    /// How often a process was started in this place after the first time.
    public var restarts: Int
    /// Those by cause: "exit 3", "SIGKILL", "stalled", "never ready", "not startable", "asked".
    public var restartCauses: [String: Int]
    /// Why it has failed, or how it died last; nil when it never did.
    public var lastDeath: String?
    /// True when the process was started before the configuration in force was, reads what has changed, and is not about to be
    /// replaced.
    public var runsOldConfiguration: Bool?

    public init(kind: Kind, shard: Int? = nil, state: State) {
        self.kind = kind
        self.shard = shard
        self.state = state
        restarts = 0
        restartCauses = [:]
    }
}

public struct ConfigurationStatus: Codable, Equatable, Sendable {
    /// The path of the file; nil when there is none.
    public var file: String?
    /// Milliseconds since 1970: when what is in force was read.
    public var loadedAt: UInt64
    /// Why the last attempt to load another one was refused; empty when it was not.
    public var lastRefusal: [String]
    /// What is in the configuration and not in force, because it cannot be changed while the service runs: "bind: …".
    public var waitingForRestart: [String]
    /// What the service says about the configuration in force: unknown keys, values that are not used. nil from a version
    /// that does not tell.
    public var warnings: [String]?
    /// The path of the file that the statistics are kept in; nil from a version that does not tell.
    public var database: String?

    public init(
        file: String?, loadedAt: UInt64, lastRefusal: [String] = [], waitingForRestart: [String] = []
    ) {
        self.file = file
        self.loadedAt = loadedAt
        self.lastRefusal = lastRefusal
        self.waitingForRestart = waitingForRestart
    }
}
