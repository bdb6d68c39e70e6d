import Configuration
import Continuity
import EventBus
import Foundation
import Glibc
import Telemetry
import Testing

/// The built program, started as the supervisor would: lifeline at descriptor 3, settings at 4; the test plays the shards
/// and the gateway.
final class CollectorProcess {
    let pid: pid_t
    private let lifeline: Int32
    private var status: Int32?

    /// Where `swift build` has put the programs: beside this test.
    private static var program: String {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "millrace-collector").path
    }

    init(_ settings: Settings, serviceStartedAt: UInt64) throws {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        let launchContext = LaunchContext(
            settings: settings, shard: nil, socketCount: 0, logsJSON: false, serviceStartedAt: serviceStartedAt)
        let file = try launchContext.memoryFile()
        // Out of the way of the numbers that they shall have in the child.
        let theirs = [ends[1], file].map { fcntl($0, F_DUPFD_CLOEXEC, 64) }
        for descriptor in [ends[1], file] { close(descriptor) }
        lifeline = ends[0]
        pid = try CollectorProcess.spawn([(theirs[0], 3), (theirs[1], 4)])
        for descriptor in theirs { close(descriptor) }
    }

    deinit {
        end(with: SIGKILL)
        close(lifeline)
    }

    /// - Returns: exit code, or minus the number of the signal; nil when it did not end in time.
    @discardableResult
    func end(with number: Int32) -> Int32? {
        if status == nil { kill(pid, number) }
        for _ in 0..<2_000 where status == nil {
            var raw: Int32 = 0
            if waitpid(pid, &raw, WNOHANG) == pid {
                status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
            } else {
                usleep(5_000)
            }
        }
        return status
    }

    private static func spawn(_ descriptors: [(Int32, Int32)]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (from, to) in descriptors { posix_spawn_file_actions_adddup2(&actions, from, to) }
        // Threads of a test block signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), nil]
        defer { free(arguments[0]) }
        // The child dies with the thread that has spawned it (PR_SET_PDEATHSIG), so that must not be one of a pool.
        var (result, pid): (Int32, pid_t) = (-1, -1)
        withUnsafePointer(to: &actions) { actions in
            withUnsafePointer(to: &attributes) { attributes in
                nonisolated(unsafe) let (actions, attributes, arguments) = (actions, attributes, arguments)
                (result, pid) = LongLivedThread.shared.run {
                    var pid: pid_t = -1
                    return (posix_spawn(&pid, program, actions, attributes, arguments, environ), pid)
                }
            }
        }
        try #require(result == 0, "cannot start \(program): \(String(cString: strerror(result)))")
        return pid
    }
}

/// A thread that is there until the tests are over.
private final class LongLivedThread: @unchecked Sendable {
    static let shared = LongLivedThread()
    private let lock = NSCondition()
    private var work: [() -> Void] = []

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                let next: () -> Void = lock.withLock {
                    while work.isEmpty { lock.wait() }
                    return work.removeFirst()
                }
                next()
            }
        }
    }

    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var result: Result?
        lock.withLock {
            work.append {
                result = body()
                done.signal()
            }
            lock.signal()
        }
        done.wait()
        return result!
    }
}
