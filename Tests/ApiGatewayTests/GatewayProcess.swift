import ApiFixtures
import Configuration
import Continuity
import EventBus
import Foundation
import Glibc
import Telemetry
import Testing

/// The built program, started as the supervisor would: lifeline at descriptor 3, settings at 4; a publisher of
/// snapshots in the collector's place.
final class GatewayProcess {
    let pid: pid_t
    let publisher: SnapshotPublisher
    private let lifeline: Int32
    private let log: LineReader
    private let news: LineReader
    private let runDirectory: String
    private let ownsRunDirectory: Bool
    private var status: Int32?

    /// Where `swift build` has put the programs: beside this test.
    private static var program: String {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "millrace-gateway").path
    }

    /// Runs it for the length of `body`: a plain local would be stopped after its last mention.
    /// - Parameter runDirectory: of a collector that is there already; nil = one of its own.
    static func run<Result>(
        _ api: Settings.API, in runDirectory: String? = nil, _ body: (GatewayProcess) throws -> Result
    ) throws -> Result {
        let gateway = try GatewayProcess(api: api, runDirectory: runDirectory)
        return try withExtendedLifetime(gateway) { try body(gateway) }
    }

    private init(api: Settings.API, serviceStartedAt: UInt64 = 1, runDirectory: String?) throws {
        self.runDirectory = try runDirectory ?? GatewayProcess.newRunDirectory()
        ownsRunDirectory = runDirectory == nil
        var settings = Settings()
        settings.api = api
        settings.isVerbose = true
        settings.runDirectory = self.runDirectory
        settings.database = self.runDirectory + "/statistics.sqlite"
        publisher = try SnapshotPublisher(BusContext(), runDirectory: self.runDirectory)

        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        var (ends, output): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0 && socketpair(AF_UNIX, type, 0, &output) == 0)
        let launchContext = LaunchContext(
            settings: settings, shard: nil, socketCount: 0, logsJSON: false, serviceStartedAt: serviceStartedAt)
        let file = try launchContext.memoryFile()
        // Out of the way of the numbers that they shall have in the child.
        let theirs = [output[1], ends[1], file].map { fcntl($0, F_DUPFD_CLOEXEC, 64) }
        for descriptor in [output[1], ends[1], file] { close(descriptor) }
        lifeline = ends[0]
        pid = try GatewayProcess.spawn([(theirs[0], 2), (theirs[1], 3), (theirs[2], 4)])
        for descriptor in theirs { close(descriptor) }
        log = LineReader(output[0])
        news = LineReader(dup(lifeline))
    }

    deinit {
        stop(SIGKILL)
        close(lifeline)
        if ownsRunDirectory { try? FileManager.default.removeItem(atPath: runDirectory) }
    }

    static func newRunDirectory() throws -> String {
        try #require(mkdtemp(strdup("/tmp/gateway-test-XXXXXX")).map { String(cString: $0) })
    }

    /// Waits until it says on which port it serves.
    func port() throws -> UInt16 {
        let line = try #require(log.line(containing: "API on http://"), "the log: \(log.text)")
        return try #require(line.split(separator: ":").last.flatMap { UInt16($0.prefix { $0.isNumber }) })
    }

    func client() throws -> HTTPClient { HTTPClient(port: try port()) }

    func logLine(containing text: String) -> String? { log.line(containing: text) }
    var logText: String { log.text }

    /// A line that it has said to its supervisor.
    func newsLine(containing text: String) -> String? { news.line(containing: text) }

    /// Publishes, as often as it takes until `path` shows `text`: subscribing takes a moment.
    func publish(_ snapshot: Snapshot, until path: String, shows text: String) throws {
        let client = try client()
        for sequence in UInt64(1)...500 {
            var snapshot = snapshot
            snapshot.sequence = sequence
            publisher.publish(snapshot)
            if try client.get(path).text.contains(text) { return }
            usleep(10_000)
        }
        Issue.record("\(path) never showed \(text)")
    }

    func cutLifeline() { shutdown(lifeline, Int32(SHUT_RDWR)) }
    func signal(_ number: Int32) { kill(pid, number) }

    /// Exit code, or minus the number of the signal; nil when it did not end in time.
    func waitForEnd(seconds: Int = 5) -> Int32? {
        for _ in 0..<seconds * 200 where status == nil {
            var raw: Int32 = 0
            if waitpid(pid, &raw, WNOHANG) == pid {
                status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
            } else {
                usleep(5_000)
            }
        }
        return status
    }

    @discardableResult
    func stop(_ number: Int32) -> Int32? {
        if status == nil { kill(pid, number) }
        return waitForEnd()
    }

    /// Resident memory in KiB.
    var residentKilobytes: Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
    }

    var openDescriptorCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
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

/// Collects the lines that come out of a descriptor.
final class LineReader: @unchecked Sendable {
    private let lock = NSCondition()
    private var bytes: [UInt8] = []
    private var isAtEnd = false

    init(_ descriptor: Int32) {
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                lock.withLock {
                    if count > 0 { bytes += buffer[..<count] } else { isAtEnd = true }
                    lock.broadcast()
                }
                if count <= 0 { break }
            }
            close(descriptor)
        }
    }

    var text: String { lock.withLock { String(decoding: bytes, as: UTF8.self) } }

    func line(containing part: String, seconds: Double = 10) -> String? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return lock.withLock {
            while true {
                let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                if let line = lines.first(where: { $0.contains(part) }) { return String(line) }
                if isAtEnd || !lock.wait(until: deadline) { return nil }
            }
        }
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
