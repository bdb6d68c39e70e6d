public import Configuration
internal import DaemonKit
internal import Glibc
internal import Linux

/// The settings and open descriptors that a child gets from the supervisor. Nothing is found by a name.
///
/// Descriptor 3 is the `Lifeline`. Descriptor 4 is a memory file with this value as JSON. From 5 on follow the shard's
/// listening sockets, in the order of `Settings.binds` (then those of former addresses), and then the descriptors that
/// `Succession` and `peers` name.
public struct LaunchContext: Codable, Sendable {
    public static let settingsDescriptor: Int32 = 4
    public static let firstSocketDescriptor: Int32 = 5

    public var settings: Settings
    /// The shard's number; nil for the collector and the gateway.
    public var shard: Int?
    /// The number of listening sockets from descriptor 5 on.
    public var socketCount: Int
    /// Whether log lines are JSON objects.
    public var logsJSON: Bool
    /// The start of the service, in milliseconds since 1970. A restart of a child does not change it.
    public var serviceStartedAt: UInt64
    /// Saved state and anchors of the shard's earlier processes, and this process's own; nil when connections end with
    /// their process.
    public var succession: Succession?
    /// The descriptor of the address table (`PeerTable`), for shards and the gateway; nil when there is none.
    public var peers: Int32?

    public init(settings: Settings, shard: Int?, socketCount: Int, logsJSON: Bool, serviceStartedAt: UInt64) {
        self.settings = settings
        self.shard = shard
        self.socketCount = socketCount
        self.logsJSON = logsJSON
        self.serviceStartedAt = serviceStartedAt
    }

    /// What keeps a shard's connections and state after its process (docs/HANDOVER.md).
    public struct Succession: Codable, Sendable, Equatable {
        /// The descriptor of the shard's `StateMemory`.
        public var memory: Int32
        /// This process's end of the socket pair of its anchor.
        public var anchor: Int32
        /// Counts the processes of the shard, from 1.
        public var incarnation: Int
        /// The anchors of earlier processes, with their incarnations.
        public var former: [Former]
        /// True for a standby: the predecessor still serves, and the process reports `prepared` and waits. nil from an
        /// older supervisor means false.
        public var standsBeside: Bool?
        /// The part of an earlier process that another shard has absorbed; nil when there is none.
        public var released: Released?

        /// A part that another shard has absorbed. The process may have been killed before it removed the part.
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

    /// Writes the value into a new memory file, to be inherited as descriptor 4. The caller closes it.
    public func memoryFile() throws -> Int32 { try MemoryFile.write(self, name: "millrace-settings") }

    /// Reads the launch context from descriptor 4. Exits with a message when there is none, because these programs are
    /// not started by hand, except with `--version`.
    /// - Parameter libraries: names and versions of the libraries that the program uses.
    static func inherited(by program: ChildProgram, libraries: () -> [String]) -> LaunchContext {
        if CommandLine.arguments.dropFirst() == ["--version"] {
            print("\(program.rawValue) \(BuildInformation.version): \(libraries().joined(separator: ", "))")
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
            ThisProcess.offerToOOMKiller(program.oomScore)
            // Otherwise a program executed through a descriptor, because its file was replaced, has that descriptor's
            // number as its name.
            ThisProcess.setName(program.rawValue)
            // In addition to the lifeline, whose end only a running loop notices.
            ThisProcess.setParentExitSignal(SIGTERM)
            return launchContext
        } catch {
            let words = Array("\(program.rawValue) is started by millrace, not by hand. Try: millrace --help\n".utf8)
            _ = write(STDERR_FILENO, words, words.count)
            ExitCode.usage.exit()
        }
    }
}
