internal import Control
internal import DaemonKit
internal import FoundationEssentials
internal import Glibc
internal import Logging

/// The directory in which one running service keeps its sockets: ours alone, and used by one supervisor at a time.
///
///     lock             held (flock) while a supervisor lives; its death frees it
///     supervisor.pid   the supervisor's process id; removed at an orderly end, so its presence tells of a crash
///     control          the supervisor's ear for the operator's commands and the gateway
///     config.json      what a service without a configuration file was sent over the API
///     shard-N.events, shard-N.replay, snapshots      sockets of the bus
struct RunDirectory {
    private let path: String
    /// The descriptor that holds the lock.
    let lock: Int32

    init(at path: String, log: Logger) throws(StartFailure) {
        self.path = path
        try RunDirectory.make(path)
        let lockPath = path + "/lock"
        lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw RunDirectory.failure(lockPath, errno) }
        let pidPath = path + "/supervisor.pid"
        let predecessor = (try? String(contentsOfFile: pidPath, encoding: .utf8))
            .flatMap { $0.split(whereSeparator: \.isWhitespace).first }.flatMap { Int32($0) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            let who = predecessor.map { " (process \($0))" } ?? ""
            throw StartFailure(
                exitCode: .cannotListen,
                message: "\(path): another Millrace\(who) uses this run directory; a second needs its own --run-dir")
        }
        if let predecessor {
            log.warning("process \(predecessor) crashed or was killed; removing what it left")
            Leftovers(of: path).clear(log: log)
        }
        RunDirectory.removeSockets(in: path)
        guard RunDirectory.write("\(getpid())\n", to: pidPath) else { throw RunDirectory.failure(pidPath, errno) }
    }

    /// Goes on in the directory that this process used before it executed the present program.
    /// - Parameter lock: the descriptor of the lock, which is held still.
    init(resuming path: String, lock: Int32) {
        self.path = path
        self.lock = lock
        // Of those who served sockets here all live on, except for us.
        unlink(path + "/" + ControlLine.socketName)
    }

    /// The orderly end. The lock goes with the process.
    func leave() {
        RunDirectory.removeSockets(in: path)
        unlink(path + "/supervisor.pid")
    }

    // MARK: - Steps

    private static func make(_ path: String) throws(StartFailure) {
        var made = ""
        for name in path.split(separator: "/") {
            made += "/" + name
            // Only what is missing: directories that exist keep their owner and mode.
            if mkdir(made, 0o700) != 0, errno != EEXIST {
                throw failure(made, errno)
            }
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw failure(path, ENOTDIR) }
        guard status.st_uid == geteuid() else {
            throw StartFailure(
                exitCode: .cannotListen, message: "\(path): belongs to user \(status.st_uid), not to us (\(geteuid()))")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw StartFailure(
                exitCode: .cannotListen,
                message: "\(path): other users may write there; make it ours alone (chmod 700) or choose another")
        }
    }

    /// False when it cannot be written; `errno` says why.
    private static func write(_ text: String, to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return false }
        let bytes = Array(text.utf8)
        let written = Glibc.write(file, bytes, bytes.count)
        let code = errno
        close(file)
        errno = code
        return written == bytes.count
    }

    private static func removeSockets(in path: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            var status = stat()
            let file = path + "/" + name
            if lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(file) }
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> StartFailure {
        StartFailure(
            exitCode: .cannotListen,
            message: "\(path): \(String(cString: strerror(code))) (another run directory: --run-dir DIR)")
    }
}
