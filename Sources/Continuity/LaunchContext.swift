public import Configuration
internal import DaemonKit
internal import Glibc
internal import Linux

/// What the supervisor hands to a child: a value of settings and open descriptors, nothing by name.
///
/// Descriptor 3 is the `Lifeline`, descriptor 4 a memory file with this value as JSON, from 5 on the listening sockets
/// of the shard in the order of `Settings.binds` (then those of addresses that are being left), and behind them what `Succession` names and `peers`.
public struct LaunchContext: Codable, Sendable {
    public static let settingsDescriptor: Int32 = 4
    public static let firstSocketDescriptor: Int32 = 5

    public var settings: Settings
    /// The shard's number; nil for the collector and the gateway.
    public var shard: Int?
    /// How many listening sockets follow from descriptor 5 on.
    public var socketCount: Int
    /// True when log lines are to be JSON objects.
    public var logsJSON: Bool
    /// When the service started, in milliseconds since 1970: children restart, the service's uptime does not.
    public var serviceStartedAt: UInt64
    /// What earlier processes of the shard have left, and where this one leaves its own; nil = connections end with
    /// their process.
    public var succession: Succession?
    /// The table of addresses (`PeerTable`) of shards and the gateway; nil when there is none.
    public var peers: Int32?

    public init(settings: Settings, shard: Int?, socketCount: Int, logsJSON: Bool, serviceStartedAt: UInt64) {
        self.settings = settings
        self.shard = shard
        self.socketCount = socketCount
        self.logsJSON = logsJSON
        self.serviceStartedAt = serviceStartedAt
    }

    /// How a shard's connections and state outlive its process (docs/HANDOVER.md).
    public struct Succession: Codable, Sendable, Equatable {
        /// The `StateMemory` of the shard.
        public var memory: Int32
        /// This process's end of the socket pair of its anchor.
        public var anchor: Int32
        /// Counts the processes of the shard, from 1.
        public var incarnation: Int
        /// The anchors of processes that are gone, by their incarnations.
        public var former: [Former]
        /// True when the predecessor still serves: the process says that it is prepared, and waits for its turn. (nil = no;
        /// an older supervisor does not say.)
        public var standsBeside: Bool?
        /// What of the process of that incarnation another shard has taken over; nil = nothing.
        public var released: Released?

        /// A part of a shard that another one has. Its process may have ended before it has heard so.
        public struct Released: Codable, Sendable, Equatable {
            public var incarnation: Int
            public var part: ShardPart

            public init(incarnation: Int, part: ShardPart) {
                self.incarnation = incarnation
                self.part = part
            }
        }

        public struct Former: Codable, Sendable, Equatable {
            public var incarnation: Int
            public var anchor: Int32

            public init(incarnation: Int, anchor: Int32) {
                self.incarnation = incarnation
                self.anchor = anchor
            }
        }

        public init(memory: Int32, anchor: Int32, incarnation: Int, former: [Former]) {
            self.memory = memory
            self.anchor = anchor
            self.incarnation = incarnation
            self.former = former
        }

        var descriptors: [Int32] { [memory, anchor] + former.map(\.anchor) }
    }

    /// The descriptors of the listening sockets.
    public var sockets: [Int32] {
        (0..<Int32(socketCount)).map { LaunchContext.firstSocketDescriptor + $0 }
    }

    /// Writes the value into a new memory file, ready to be inherited as descriptor 4. The caller closes it.
    public func memoryFile() throws -> Int32 { try MemoryFile.write(self, name: "millrace-settings") }

    /// In which order the kernel is to kill us when memory runs out, behind everything else the supervisor and the anchors. In
    /// thousandths of the memory that there is.
    private static func oomScore(of program: String) -> Int32 {
        switch program {
        case "millrace-worker": 100
        case "millrace-collector": 200
        default: 300
        }
    }

    /// Takes what the supervisor left at descriptors 3 and 4. Ends the process with a word to the user when there is
    /// nothing: such programs are not started by hand, except to see that they run here (`--version`).
    /// - Parameter libraries: names and versions of those that the program uses.
    public static func inherited(program: String, libraries: () -> [String]) -> LaunchContext {
        if CommandLine.arguments.dropFirst() == ["--version"] {
            print("\(program) \(BuildInformation.version): \(libraries().joined(separator: ", "))")
            ExitCode.stopped.exit()
        }
        do {
            let launchContext = try MemoryFile.read(LaunchContext.self, from: settingsDescriptor)
            close(settingsDescriptor)
            for descriptor in launchContext.sockets + (launchContext.succession?.descriptors ?? [])
                + [launchContext.peers].compactMap(\.self)
            {
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            }
            ThisProcess.offerToOOMKiller(oomScore(of: program))
            // A program whose file has been replaced is executed by the number of a descriptor, which is no name.
            ThisProcess.setName(program)
            // Belt and braces: the lifeline says the same, but only to a loop that turns.
            ThisProcess.setParentExitSignal(SIGTERM)
            return launchContext
        } catch {
            let words = Array("\(program) is started by millrace, not by hand. Try: millrace --help\n".utf8)
            _ = write(STDERR_FILENO, words, words.count)
            ExitCode.usage.exit()
        }
    }
}
