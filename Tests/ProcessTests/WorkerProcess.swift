import Configuration
import Continuity
import EventLoop
import Foundation
import Glibc
import Testing

/// The built `millrace-worker`, started as the supervisor would: the test is its supervisor.
final class WorkerProcess {
    /// What outlives its processes.
    final class Succession {
        let shard: Int
        let memory: Int32
        let listener: Int32
        let port: UInt16
        fileprivate(set) var incarnation = 0
        /// Of the latest process.
        fileprivate(set) var anchor: Int32 = -1
        fileprivate var former: [(incarnation: Int, anchor: Int32)] = []

        init(shard: Int) throws {
            self.shard = shard
            memory = try StateMemory.make(name: "test-shard")
            listener = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
            port = try ListeningSocket.address(of: listener).port
        }

        /// What another shard has taken over of it.
        var released: LaunchContext.Succession.Released?

        /// Its present process, as another shard is told of it.
        var departing: MergeOffer { departing(nil) }

        /// A part of it.
        func departing(_ part: ShardPart?) -> MergeOffer {
            MergeOffer(
                shard: UInt16(shard), incarnation: UInt64(incarnation), part: part, memory: memory, anchor: anchor)
        }

        func liftFormer() {
            for one in former { close(one.anchor) }
            former = []
        }

        deinit {
            liftFormer()
            for descriptor in [memory, listener, anchor] where descriptor >= 0 { close(descriptor) }
        }
    }

    let pid: pid_t
    private let lifeline: Int32
    private var unread = ""
    private(set) var heard: [String] = []
    private var status: Int32?

    /// - Parameter standsBeside: its predecessor, or what that has left, is not touched before a word.
    init(_ settings: Settings, _ succession: Succession, standsBeside: Bool = false) throws {
        var ends: [Int32] = [-1, -1]
        var anchors: [Int32] = [-1, -1]
        let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | closeOnExec, 0, &ends) == 0)
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | closeOnExec, 0, &anchors) == 0)
        lifeline = ends[0]
        _ = fcntl(lifeline, F_SETFL, O_NONBLOCK)
        if succession.anchor >= 0 { succession.former.append((succession.incarnation, succession.anchor)) }
        succession.incarnation += 1
        succession.anchor = anchors[0]
        var launchContext = LaunchContext(
            settings: settings, shard: succession.shard, socketCount: 1, logsJSON: false, serviceStartedAt: 0)
        var launchState = LaunchContext.Succession(
            memory: 6, anchor: 7, incarnation: succession.incarnation,
            former: succession.former.enumerated().map { .init(incarnation: $1.incarnation, anchor: 8 + Int32($0)) })
        launchState.standsBeside = standsBeside
        launchState.released = succession.released
        launchContext.succession = launchState
        let file = try launchContext.memoryFile()
        let all = [ends[1], file, succession.listener, succession.memory, anchors[1]] + succession.former.map(\.anchor)
        // Out of the way of the numbers that they shall have in the child.
        let theirs = all.map { fcntl($0, F_DUPFD_CLOEXEC, 64) }
        for descriptor in [ends[1], file, anchors[1]] { close(descriptor) }
        defer { for descriptor in theirs { close(descriptor) } }
        pid = try WorkerProcess.spawn(theirs, name: "millrace-worker: shard \(succession.shard)")
    }

    deinit {
        end(with: SIGKILL)
        close(lifeline)
    }

    // MARK: - Words

    func say(_ word: Lifeline.Word) { say(word.rawValue + "\n") }

    /// Tells it that another shard has this part of it.
    func release(_ part: ShardPart) { say(part.line + "\n") }

    private func say(_ line: String) {
        let line = Array(line.utf8)
        send(lifeline, line, line.count, Int32(MSG_NOSIGNAL))
    }

    /// Tells it to absorb another shard.
    func absorb(_ departing: MergeOffer) -> Bool { departing.say(on: lifeline) }

    /// Waits until it has said so.
    func says(_ word: String, within seconds: Double = 10) -> Bool {
        eventually(within: seconds) {
            listen()
            return heard.contains(word)
        }
    }

    private func listen() {
        var buffer = [UInt8](repeating: 0, count: 1_024)
        while true {
            let count = read(lifeline, &buffer, buffer.count)
            guard count > 0 else { break }
            unread += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        let lines = unread.split(separator: "\n", omittingEmptySubsequences: false)
        heard += lines.dropLast().map(String.init)
        unread = String(lines.last ?? "")
    }

    // MARK: - Ends

    /// - Parameter number: of the signal; 0 only waits.
    /// - Returns: exit code, or minus the number of the signal; nil when it did not end in time.
    @discardableResult
    func end(with number: Int32, within seconds: Double = 10) -> Int32? {
        if status == nil, number > 0 { kill(pid, number) }
        _ = eventually(within: seconds) {
            var raw: Int32 = 0
            if status == nil, waitpid(pid, &raw, WNOHANG) == pid {
                status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
            }
            return status != nil
        }
        return status
    }

    /// - Parameter descriptors: the child's, from 3 on.
    private static func spawn(_ descriptors: [Int32], name: String) throws -> pid_t {
        let program = Program.directory.appending(path: "millrace-worker").path
        // The child dies with the thread that has spawned it (PR_SET_PDEATHSIG), so that must not be one of a pool.
        let (result, pid) = LongLivedThread.shared.run { () -> (Int32, pid_t) in
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for (index, descriptor) in descriptors.enumerated() {
                posix_spawn_file_actions_adddup2(&actions, descriptor, 3 + Int32(index))
            }
            // Threads of a test block signals, and a child would inherit that.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var noSignals = sigset_t()
            sigemptyset(&noSignals)
            posix_spawnattr_setsigmask(&attributes, &noSignals)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
            let arguments: [UnsafeMutablePointer<CChar>?] = [strdup(name), nil]
            defer { free(arguments[0]) }
            var pid: pid_t = -1
            return (posix_spawn(&pid, program, &actions, &attributes, arguments, environ), pid)
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
