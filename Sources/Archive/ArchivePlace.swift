internal import Glibc

/// The path of the statistics file and of the files beside it: lock, WAL, files set aside.
struct ArchivePlace {
    let path: String
    /// The lock is held while this descriptor is open. The kernel releases it when the process exits.
    private var lock: Int32 = -1
    /// True when the lock file existed: a collector has used this path before.
    private(set) var wasOurs = false

    /// The suffixes of files that SQLite keeps beside a database.
    static let companions = ["-wal", "-shm"]
    static let headerBytes = 100

    init(path: String) {
        self.path = path
    }

    var lockPath: String { path + ".lock" }

    // MARK: - Locking

    /// Creates the directory if necessary and locks the path against other collectors.
    mutating func take() throws(ArchiveFailure) {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try ArchivePlace.makeDirectory(String(path[..<slash]))
        }
        wasOurs = access(lockPath, F_OK) == 0
        lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .cannotOpen("cannot open \(lockPath): \(ArchivePlace.reason())") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = ArchivePlace.text(of: lock)
            release()
            guard code == EWOULDBLOCK else {
                throw .cannotOpen("cannot lock \(lockPath): \(String(cString: strerror(code)))")
            }
            throw .busy("\(path) is in use by another collector\(holder.isEmpty ? "" : " (process \(holder))")")
        }
        // For the message of a process that finds the lock. Failing to write it does not matter.
        let holder = Array("\(getpid())\n".utf8)
        if ftruncate(lock, 0) == 0 { _ = pwrite(lock, holder, holder.count, 0) }
    }

    mutating func release() {
        if lock >= 0 { close(lock) }
        lock = -1
    }

    /// Releases the path of a foreign file and removes the lock file, which would claim it for Millrace.
    mutating func leave() {
        if !wasOurs { unlink(lockPath) }
        release()
    }

    /// Checks the file before SQLite opens it. Creates an empty file with mode 0600 if there is none.
    ///
    /// Must not be called later: closing a descriptor of the file would drop SQLite's locks on it.
    func examine() throws(ArchiveFailure) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .cannotOpen("cannot open \(path): \(ArchivePlace.reason())") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .cannotOpen("\(path): \(ArchivePlace.reason())") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .foreign("\(path) is not a regular file") }
        guard status.st_size > 0 else { return }
        var header = [UInt8](repeating: 0, count: ArchivePlace.headerBytes)
        let count = pread(descriptor, &header, header.count, 0)
        guard count >= 0 else { throw .cannotOpen("cannot read \(path): \(ArchivePlace.reason())") }
        if header.starts(with: "SQLite format 3\0".utf8) { return }
        let applicationID = header[68..<72].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        guard wasOurs || applicationID == Schema.applicationID else {
            throw .foreign("\(path) is not a database; set \"millrace.database\" to another path")
        }
        throw .damaged("\(path) does not begin with the header of a database")
    }

    /// Identifies the file at the path. It can be removed or replaced while it is open.
    var identity: Identity? { Identity(path: path) }

    struct Identity: Equatable, Sendable {
        private let device: UInt64
        private let node: UInt64

        init?(path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            node = UInt64(status.st_ino)
        }
    }

    // MARK: - Setting aside

    /// Renames the file and its companions, so that a new one can be created and the old one examined.
    /// - Parameter time: milliseconds since 1970.
    /// - Returns: the new path.
    func setAside(at time: UInt64) throws(ArchiveFailure) -> String {
        let stem = "\(path).damaged-\(ArchivePlace.stamp(time))"
        var aside = stem
        var count = 1
        while access(aside, F_OK) == 0 {
            count += 1
            aside = "\(stem)-\(count)"
        }
        guard rename(path, aside) == 0 else {
            throw .cannotOpen("\(path) is damaged and cannot be set aside: \(ArchivePlace.reason())")
        }
        // A WAL must not be combined with another database.
        for companion in ArchivePlace.companions where rename(path + companion, aside + companion) != 0 {
            guard errno == ENOENT else {
                throw .cannotOpen("\(path)\(companion) cannot be set aside: \(ArchivePlace.reason())")
            }
        }
        return aside
    }

    /// "20261122T221500Z"
    private static func stamp(_ time: UInt64) -> String {
        var seconds = time_t(time / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y%m%dT%H%M%SZ", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: - Helpers

    private static func makeDirectory(_ path: String) throws(ArchiveFailure) {
        guard access(path, F_OK) != 0 else { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectory(String(path[..<slash]))
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .cannotOpen("cannot create the directory \(path): \(reason())")
        }
    }

    private static func text(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 > 32 }, as: UTF8.self)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
