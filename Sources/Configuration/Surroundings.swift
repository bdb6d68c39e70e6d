/// Inputs of the configuration besides file and options: properties of the machine, the process and its user.
public struct Surroundings: Sendable, Equatable {
    public var environment: [String: String]
    /// The processors available to this process, at least 1; the value of `"shards": "auto"`.
    public var coreCount: Int
    public var hostName: String
    /// The effective user id; 0 is root.
    public var userID: UInt32
    /// An absolute path.
    public var currentDirectory: String
    /// An absolute path; nil when the user has none.
    public var homeDirectory: String?
    /// The absolute path of this program.
    public var executable: String
    /// Millrace's version, for `${XMRIG_VERSION}`.
    public var version: String
    /// An absolute path.
    public var temporaryDirectory = "/tmp"
    /// Those of `stateDirectories` that cannot be used: not a directory, or not writable.
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

    /// Directories for the state of a user's programs, in order of preference (XDG base directories).
    public var stateDirectories: [String] {
        [directoryVariable("XDG_STATE_HOME"), homeDirectory.map { absolute(".local/state", from: $0) }].compactMap(
            \.self)
    }

    var executableDirectory: String { directory(of: executable) }

    /// A variable that names a directory; empty and relative values count as not set, as the XDG specification
    /// requires.
    func directoryVariable(_ name: String) -> String? {
        // systemd separates several directories of a unit with colons.
        guard let value = environment[name]?.split(separator: ":").first, value.hasPrefix("/") else { return nil }
        return normalized(String(value))
    }
}

/// `path` relative to `base` (an absolute path), without ".", ".." and double slashes. Symbolic links are not resolved:
/// ".." removes the last component of the text.
func absolute(_ path: String, from base: String) -> String {
    normalized(path.hasPrefix("/") ? path : base + "/" + path)
}

/// The directory of a file: "/etc/millrace" for "/etc/millrace/config.json".
func directory(of path: String) -> String { normalized(path + "/..") }

private func normalized(_ path: String) -> String {
    var names: [Substring] = []
    for name in path.split(separator: "/") where name != "." {
        if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return "/" + names.joined(separator: "/")
}
