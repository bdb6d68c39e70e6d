import Foundation
import Glibc
import Testing

/// The built programs against each other: what the miners were told is what the pool has counted, to the unit.
struct SwarmAgainstPoolTests {
    @Test(.timeLimit(.minutes(5))) func thePoolAndTheMinersCountTheSame() throws {
        let pool = try PracticePool(["--job-interval", "0.3", "--reject-every", "10"])
        defer { pool.stop() }
        let swarm = try runSwarm(
            pool, ["--miners", "200", "--rate", "1000", "--seconds", "2", "--churn", "20", "--keepalive", "1"])
        #expect(swarm.status == 0)
        pool.stop()

        let seen = try pool.report()
        let shares = try #require(seen["shares"] as? [String: Any])
        let told = try #require(swarm.report["shares"] as? [String: Any])
        let ok = try #require(told["ok"] as? Int)
        let refused = try #require(told["refused"] as? [String: Int])
        #expect(ok > 500)
        #expect(shares["accepted"] as? Int == ok)
        #expect((shares["rejected"] as? [String: Int]) == ["injected": refused.values.reduce(0, +)])
        #expect(Array(refused.keys) == ["Rejected by the practice pool"])
        #expect(told["lost"] as? Int == 0)
        #expect(swarm.report["nonce_conflicts"] as? Int == 0 && swarm.report["nonce_reuses"] as? Int == 0)
        #expect((seen["protocol_faults"] as? [String: Int]) == [:])
        #expect((seen["logins"] as? Int ?? 0) > 200)
    }

    @Test(.timeLimit(.minutes(5))) func aReservedNonceByteIsKept() throws {
        let pool = try PracticePool(["--job-interval", "0.3", "--nicehash", "--target-bytes", "8"])
        defer { pool.stop() }
        let swarm = try runSwarm(pool, ["--miners", "50", "--in-flight", "--seconds", "1", "--strict"])
        #expect(swarm.status == 0)
        pool.stop()
        let shares = try #require(try pool.report()["shares"] as? [String: Any])
        let told = try #require(swarm.report["shares"] as? [String: Any])
        #expect(shares["accepted"] as? Int == told["ok"] as? Int)
    }

    @Test(.timeLimit(.minutes(5))) func malformedInputDoesNotStopThePool() throws {
        let pool = try PracticePool(["--job-interval", "0.3"])
        defer { pool.stop() }
        let hostile = try runSwarm(pool, ["--bad", "all", "--inputs", "2000", "--seconds", "20"])
        #expect(hostile.status == 0)
        let honest = try runSwarm(pool, ["--miners", "10", "--rate", "100", "--seconds", "1", "--strict"])
        #expect(honest.status == 0)
        pool.stop()
        #expect(pool.exitStatus == 0)
    }

    @Test func onlyThisMachineIsServedOrAttacked() throws {
        #expect(try run("millrace-practice-pool", ["--host", "0.0.0.0"]) != 0)
        #expect(try run("millrace-swarm", ["--connect", "192.0.2.1:3333"]) != 0)
    }

    private func runSwarm(
        _ pool: PracticePool, _ options: [String]
    ) throws -> (status: Int32, report: [String: Any]) {
        let file = temporaryFile()
        defer { try? FileManager.default.removeItem(at: file) }
        let status = try run(
            "millrace-swarm", ["--connect", "127.0.0.1:\(pool.port)", "--report-file", file.path, "--quiet"] + options)
        return (status, try json(at: file))
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Int32 {
        try Program(program, arguments).wait()
    }
}

/// A pool process on a port of its own.
private final class PracticePool {
    private let program: Program
    private let file = temporaryFile()
    private(set) var port = 0

    init(_ options: [String]) throws {
        program = try Program(
            "millrace-practice-pool", ["--port", "0", "--quiet", "--report-file", file.path] + options)
        // Its first line names the port: "practice pool on 127.0.0.1:40000, …".
        let words = program.firstOutput().split(whereSeparator: { ": ,".contains($0) })
        port = words.count > 4 ? Int(words[4]) ?? 0 : 0
    }

    /// nil while it runs.
    private(set) var exitStatus: Int32?

    func stop() {
        if exitStatus == nil { exitStatus = try? program.stop() }
    }

    func report() throws -> [String: Any] {
        defer { try? FileManager.default.removeItem(at: file) }
        return try json(at: file)
    }
}

/// One of the built programs, running. Spawned and awaited by hand: Foundation's Process leaves
/// the signals blocked that are blocked in the thread of a test.
private final class Program {
    private let pid: pid_t
    private let output: Int32
    private(set) var isRunning = true

    init(_ name: String, _ arguments: [String]) throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        // Tests run on threads that block signals; a child that inherits that never hears SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let path = productsDirectory.appending(path: name).path
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let result = posix_spawn(&child, path, &actions, &attributes, &words, environ)
        close(ends[1])
        try #require(result == 0, "cannot start \(path)")
        pid = child
        output = ends[0]
    }

    deinit {
        if isRunning {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        close(output)
    }

    /// What it prints first.
    func firstOutput() -> String {
        var buffer = [UInt8](repeating: 0, count: 1_024)
        let count = read(output, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    func stop() throws -> Int32 {
        kill(pid, SIGTERM)
        return try wait()
    }

    /// The exit status; what it prints meanwhile fits the pipe.
    func wait() throws -> Int32 {
        var status: Int32 = 0
        try #require(waitpid(pid, &status, 0) == pid)
        isRunning = false
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }
}

/// Where the test bundle lies; the programs are built beside it.
private var productsDirectory: URL {
    URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
}

private func temporaryFile() -> URL {
    FileManager.default.temporaryDirectory.appending(path: "millrace-\(UUID().uuidString).json")
}

private func json(at url: URL) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
}
