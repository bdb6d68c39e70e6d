internal import Control
internal import DaemonKit
internal import FoundationEssentials
internal import Glibc
internal import Logging

/// The directory with the sockets of one running service. It belongs to this user, and one supervisor at a time uses
/// it.
///
///     lock             locked (flock) while a supervisor runs; the kernel unlocks it when the process ends
///     supervisor.pid   process id and start time of the supervisor; removed at an orderly end, so not after a crash
///     control          the control socket, for the operator's commands and the gateway
///     config.json      the document that a service without a configuration file received over the API
///     shard-N.events, shard-N.replay, collector.events, collector.replay, snapshots      sockets of the bus
///
/// A cleaner of directories may delete all of it while the service runs (see `mend`), and another service may then
/// start. A free lock therefore proves nothing: `init` also checks for the supervisor that `supervisor.pid` names, and
/// for a process that listens on the control socket.
final class RunDirectory {
    let path: String
    /// The descriptor that holds the lock.
    private(set) var lock: Int32

    init(at path: String, log: Logger) throws(StartFailure) {
        self.path = path
        try RunDirectory.make(path)
        lock = try RunDirectory.takeLock(in: path)
        do throws(StartFailure) {
            let predecessor = Predecessor(in: path)
            if let living = predecessor?.living { throw RunDirectory.isUsed(path, by: living) }
            if RunDirectory.somebodyListens(in: path) { throw RunDirectory.isUsed(path, by: nil) }
            if let predecessor {
                log.warning("process \(predecessor.id) crashed or was killed; removing its files")
                OrphanedChildren(of: path, supervisorStartedAt: predecessor.startedAt ?? 0).clear(log: log)
            }
            RunDirectory.removeSockets(in: path)
            try writeProcessID()
        } catch {
            close(lock)
            throw error
        }
    }

    /// Continues with the directory that this process used before it executed the present program.
    /// - Parameter lock: the descriptor of the lock, which is still held.
    init(resuming path: String, lock: Int32) {
        self.path = path
        self.lock = lock
        // The children still serve the other sockets.
        RunDirectory.remove(in: path) { $0 == ControlLine.socketName }
        try? writeProcessID()
    }

    /// Removes the files at an orderly end. The kernel frees the lock when the process ends.
    func leave() {
        // The files may belong to another supervisor that started after they were removed.
        guard RunDirectory.isSame(lock, path + "/lock"), Predecessor(in: path)?.id == getpid() else { return }
        RunDirectory.removeSockets(in: path)
        unlink(path + "/supervisor.pid")
    }

    // MARK: - While the service runs

    /// Creates again what was removed: the directory, the lock, the process id. Called once a second.
    /// - Returns: what was missing.
    func mend() throws(StartFailure) -> [String] {
        var missing: [String] = []
        var status = stat()
        if lstat(path, &status) != 0, errno == ENOENT { missing.append("the directory") }
        try RunDirectory.make(path)
        if !RunDirectory.isSame(lock, path + "/lock") {
            // Both locks are held until the new one is, because other supervisors check the file at the path.
            let former = lock
            lock = try RunDirectory.takeLock(in: path)
            close(former)
            missing.append("lock")
        }
        if Predecessor(in: path)?.id != getpid() {
            try writeProcessID()
            missing.append("supervisor.pid")
        }
        return missing
    }

    // MARK: - Steps

    /// Makes a directory and those above it that do not exist, for this user only.
    /// - Returns: the one that cannot be made.
    static func makeDirectories(to path: String) -> (path: String, code: Int32)? {
        var made = ""
        for name in path.split(separator: "/") {
            made += "/" + name
            // Existing directories keep their owner and mode.
            if mkdir(made, 0o700) != 0, errno != EEXIST { return (made, errno) }
        }
        return nil
    }

    private static func make(_ path: String) throws(StartFailure) {
        if let missing = makeDirectories(to: path) { throw failure(missing.path, missing.code) }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT != S_IFLNK else {
            throw refusal("\(path): is a symbolic link; name the directory itself")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw failure(path, ENOTDIR) }
        guard status.st_uid == geteuid() else {
            throw refusal("\(path): belongs to user \(status.st_uid), expected user \(geteuid())")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw refusal(
                "\(path): other users can write to it; restrict it (chmod 700) or choose another directory")
        }
        if let stranger = RunDirectory.stranger(in: path) {
            throw refusal(
                "\(path): contains \(stranger), which is not a file of Millrace; choose an empty directory "
                    + "(--run-dir DIR)")
        }
    }

    /// A file that shows that other programs use the directory too, as in `/run`. nil when a supervisor has used it
    /// before, or when it contains only sockets of Millrace and plain files of this user.
    private static func stranger(in path: String) -> String? {
        if isOurFile(path + "/lock") || isOurFile(path + "/supervisor.pid") { return nil }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().first { name in
            var status = stat()
            guard lstat(path + "/" + name, &status) == 0 else { return false }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return status.st_uid != geteuid()
            case S_IFSOCK: return status.st_uid != geteuid() || !isSocketName(name)
            default: return true
            }
        }
    }

    private static func isOurFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_uid == geteuid()
    }

    /// Locks the file at the path. Another process may remove or replace the file meanwhile, so it is checked after
    /// locking.
    private static func takeLock(in path: String) throws(StartFailure) -> Int32 {
        let lockPath = path + "/lock"
        for _ in 0..<10 {
            let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
            guard lock >= 0 else { throw failure(lockPath, errno) }
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
                close(lock)
                throw isUsed(path, by: Predecessor(in: path)?.id)
            }
            if isSame(lock, lockPath) { return lock }
            close(lock)
        }
        throw failure(lockPath, EAGAIN)
    }

    /// Whether the open file is the one at the path.
    private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
        var (held, present) = (stat(), stat())
        return fstat(descriptor, &held) == 0 && lstat(path, &present) == 0 && held.st_ino == present.st_ino
            && held.st_dev == present.st_dev
    }

    /// Whether a process listens on the control socket: a supervisor whose other files were removed.
    private static func somebodyListens(in path: String) -> Bool {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = path + "/" + ControlLine.socketName
        guard name.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // EAGAIN: the queue of the listener is full.
        return result == 0 || errno == EAGAIN
    }

    private func writeProcessID() throws(StartFailure) {
        let pidPath = path + "/supervisor.pid"
        let start = ProcessFacts(of: getpid()).map { " \($0.startedAt)" } ?? ""
        guard RunDirectory.write("\(getpid())\(start)\n", to: pidPath) else {
            throw RunDirectory.failure(pidPath, errno)
        }
    }

    /// False when it cannot be written; `errno` has the reason.
    private static func write(_ text: String, to path: String) -> Bool {
        // The file is created, never opened, so that nothing is written into a file of another program.
        if unlink(path) != 0, errno != ENOENT { return false }
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return false }
        let bytes = Array(text.utf8)
        let written = Glibc.write(file, bytes, bytes.count)
        let code = errno
        close(file)
        errno = code
        return written == bytes.count
    }

    // MARK: - Sockets

    private static func removeSockets(in path: String) { remove(in: path, isSocketName) }

    /// Removes sockets with these names from the directory itself; follows no symbolic link.
    private static func remove(in path: String, _ isMeant: (String) -> Bool) {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { return }
        defer { close(directory) }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where isMeant(name) {
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFSOCK,
                status.st_uid == geteuid()
            else { continue }
            unlinkat(directory, name, 0)
        }
    }

    /// Whether a process of the service creates a socket with this name.
    static func isSocketName(_ name: String) -> Bool {
        if [ControlLine.socketName, "snapshots", "collector.events", "collector.replay"].contains(name) { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].hasPrefix("shard-"), parts[1] == "events" || parts[1] == "replay" else {
            return false
        }
        let number = parts[0].dropFirst(6)
        return UInt16(number).map { "\($0)" == number } ?? false
    }

    // MARK: - Errors

    private static func isUsed(_ path: String, by process: pid_t?) -> StartFailure {
        let who = process.map { " (process \($0))" } ?? ""
        return refusal("\(path): another Millrace\(who) uses this run directory; each instance needs its own --run-dir")
    }

    private static func refusal(_ message: String) -> StartFailure {
        StartFailure(exitCode: .cannotListen, message: message)
    }

    private static func failure(_ path: String, _ code: Int32) -> StartFailure {
        refusal("\(path): \(String(cString: strerror(code))) (choose another run directory with --run-dir DIR)")
    }
}

/// The supervisor that wrote `supervisor.pid`.
private struct Predecessor {
    let id: pid_t
    /// As `ProcessFacts.startedAt`; nil if a version wrote the file that did not record it.
    let startedAt: UInt64?

    init?(in path: String) {
        let file = open(path + "/supervisor.pid", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(file, &bytes, bytes.count)
        let words = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard let id = words.first.flatMap({ pid_t($0) }) else { return nil }
        self.id = id
        startedAt = words.dropFirst().first.flatMap { UInt64($0) }
    }

    /// Its process id if it is still running. A process with this id counts as the supervisor if it has the recorded
    /// start time or, when that is not known, executes `millrace`.
    var living: pid_t? {
        guard id != getpid(), let process = ProcessFacts(of: id), !process.isZombie, process.userID == geteuid() else {
            return nil
        }
        if let startedAt { return process.startedAt == startedAt ? id : nil }
        return process.programs.first == "millrace" ? id : nil
    }
}
