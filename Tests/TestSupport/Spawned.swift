public import Foundation

/// A child with chosen descriptors, signalled and waited for by hand. Unlike Foundation's Process it starts with no signal blocked:
/// the threads of tests block some, and a child that inherits that never receives SIGTERM.
public final class Spawned {
    public let pid: pid_t
    private var status: Int32?

    /// - Parameters:
    ///   - program: its path.
    ///   - name: what the child sees as its own name; nil = the path.
    ///   - descriptors: ours by the number that the child has them under. They stay ours to close.
    public init(
        _ program: URL, _ arguments: [String] = [], name: String? = nil, descriptors: [Int32: Int32] = [:]
    ) throws {
        let path = program.path
        let words = [name ?? path] + arguments
        let moved = descriptors.map { number, ours in
            // So that the child does not have it twice.
            _ = fcntl(ours, F_SETFD, FD_CLOEXEC)
            // Out of the way of the numbers in the child.
            return (from: fcntl(ours, F_DUPFD_CLOEXEC, 64), to: number)
        }
        defer { for descriptor in moved { close(descriptor.from) } }
        let (result, child) = LongLivedThread.shared.run { () -> (Int32, pid_t) in
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for (from, to) in moved { posix_spawn_file_actions_adddup2(&actions, from, to) }
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var noSignals = sigset_t()
            sigemptyset(&noSignals)
            posix_spawnattr_setsigmask(&attributes, &noSignals)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
            let arguments = words.map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            var pid: pid_t = -1
            return (posix_spawn(&pid, path, &actions, &attributes, arguments, environ), pid)
        }
        guard result == 0 else { throw TestFailure("cannot start \(path): \(String(cString: strerror(result)))") }
        pid = child
    }

    deinit { end(with: SIGKILL) }

    /// The exit code, or minus the number of the signal that ended it; nil while it runs.
    public var exitStatus: Int32? {
        var raw: Int32 = 0
        if status == nil, waitpid(pid, &raw, WNOHANG) == pid {
            status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
        }
        return status
    }

    /// - Returns: as `exitStatus`; nil when it did not end in time.
    public func waitForEnd(within seconds: Double = 10) -> Int32? {
        _ = eventually(within: seconds) { exitStatus != nil }
        return status
    }

    /// Sends a signal and waits.
    @discardableResult
    public func end(with signal: Int32, within seconds: Double = 10) -> Int32? {
        if exitStatus == nil { kill(pid, signal) }
        return waitForEnd(within: seconds)
    }
}
