/// What the configuration depends on besides file and options: facts about the machine, the process and its user.
public struct Surroundings: Sendable, Equatable {
    public var environment: [String: String]
    /// The processors that this process may use, at least 1; `"shards": "auto"` becomes this.
    public var coreCount: Int
    public var hostName: String
    /// The effective one; 0 is root.
    public var userID: UInt32
    /// An absolute path.
    public var currentDirectory: String
    /// An absolute path; nil when the user has none.
    public var homeDirectory: String?
    /// The absolute path of this program.
    public var executable: String
    /// Our version, for `${XMRIG_VERSION}`.
    public var version: String
    /// An absolute path.
    public var temporaryDirectory = "/tmp"
    /// Of `stateDirectories`, those in which nothing can be kept: not a directory, or not to be written to.
    public var unusableStateDirectories: Set<String> = []

    public init(
        environment: [String: String], coreCount: Int, hostName: String, userID: UInt32, currentDirectory: String,
        homeDirectory: String?, executable: String, version: String
    ) {
        self.environment = environment
        self.coreCount = coreCount
        self.hostName = hostName
        self.userID = userID
        self.currentDirectory = currentDirectory
        self.homeDirectory = homeDirectory
        self.executable = executable
        self.version = version
    }

    /// Where the state of a user's programs belongs, in the order of preference (XDG base directories).
    public var stateDirectories: [String] {
        [directoryVariable("XDG_STATE_HOME"), homeDirectory.map { absolute(".local/state", from: $0) }].compactMap(
            \.self)
    }

    var executableDirectory: String { directory(of: executable) }

    /// A variable that names a directory; empty or relative values count as not set (as the XDG specification asks).
    func directoryVariable(_ name: String) -> String? {
        // systemd gives several directories separated by colons when a unit asks for several.
        guard let value = environment[name]?.split(separator: ":").first, value.hasPrefix("/") else { return nil }
        return normalized(String(value))
    }
}

/// `path` from `base` on (an absolute path), without "." and ".." and double slashes. The file system is not asked: a
/// ".." after a symbolic link means the directory that the text names.
func absolute(_ path: String, from base: String) -> String {
    normalized(path.hasPrefix("/") ? path : base + "/" + path)
}

/// "/etc/millrace" of "/etc/millrace/config.json".
func directory(of path: String) -> String { normalized(path + "/..") }

private func normalized(_ path: String) -> String {
    var names: [Substring] = []
    for name in path.split(separator: "/") where name != "." {
        if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return "/" + names.joined(separator: "/")
}
