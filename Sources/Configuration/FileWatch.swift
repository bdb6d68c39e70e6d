/// Notices when a file has been changed, by asking now and then what it is: that works with editors that write a new
/// file and rename it, with links that are pointed elsewhere, and on every file system.
public struct FileWatch: Sendable {
    /// What tells one state of a file from another.
    public struct Identity: Equatable, Sendable {
        public var device: UInt64
        public var inode: UInt64
        public var size: Int64
        /// Nanoseconds of the last writing and of the last change of any kind (a rename among them).
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
        /// It has been changed and left alone since: read it.
        case changed
        /// It is no longer there.
        case gone
    }

    /// Between two looks at a file that rests.
    public static let lookMillis: Int64 = 1_000
    /// How long a changed file must rest before it is read, as in xmrig-proxy: whoever writes it in pieces has finished.
    public static let restMillis: Int64 = 500

    /// The state that is known; nil when there was no file.
    private var known: Identity?
    /// A state that is not known, and since when it is.
    private var news: (identity: Identity?, since: Int64)?

    public init(knowing identity: Identity?) {
        known = identity
    }

    /// - Parameter identity: nil when there is no such file now.
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

    /// This state has been read, or written, by ourselves.
    public mutating func know(_ identity: Identity?) {
        known = identity
        news = nil
    }

    /// How long until the next look is worth it.
    public var pauseMillis: Int64 { news == nil ? FileWatch.lookMillis : FileWatch.restMillis }
}
