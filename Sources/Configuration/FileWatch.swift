/// Detects changes of a file by polling its identity. This works with editors that write and rename a new file, with
/// symbolic links that are changed, and on every file system.
public struct FileWatch: Sendable {
    /// Identifies a state of a file.
    public struct Identity: Equatable, Sendable {
        public var device: UInt64
        public var inode: UInt64
        public var size: Int64
        /// Nanoseconds of the last write and of the last status change (which includes a rename).
        public var modified: Int64
        public var changed: Int64

        public init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64) {
            self.device = device
            self.inode = inode
            self.size = size
            self.modified = modified
            self.changed = changed
        }
    }

    public enum Finding: Equatable, Sendable {
        case nothing
        /// It has changed and has been stable since: read it.
        case changed
        /// It no longer exists.
        case gone
    }

    /// Polling interval of an unchanged file.
    public static let lookMillis: Int64 = 1_000
    /// How long a changed file must be stable before it is read, as in xmrig-proxy: a program that writes it in parts
    /// has then finished.
    public static let restMillis: Int64 = 500

    /// The known state; nil when there was no file.
    private var known: Identity?
    /// A new state, and since when it is stable.
    private var news: (identity: Identity?, since: Int64)?

    public init(knowing identity: Identity?) {
        known = identity
    }

    /// Compares the present state of the file with the known one.
    /// - Parameter identity: nil when the file does not exist.
    public mutating func look(at identity: Identity?, now: Int64) -> Finding {
        guard identity != known else {
            news = nil
            return .nothing
        }
        guard let news, news.identity == identity else {
            self.news = (identity, now)
            return .nothing
        }
        guard now - news.since >= FileWatch.restMillis else { return .nothing }
        known = identity
        self.news = nil
        return identity == nil ? .gone : .changed
    }

    /// Sets the known state after this process has read or written the file.
    public mutating func know(_ identity: Identity?) {
        known = identity
        news = nil
    }

    /// The time until the next poll is useful.
    public var pauseMillis: Int64 { news == nil ? FileWatch.lookMillis : FileWatch.restMillis }
}
