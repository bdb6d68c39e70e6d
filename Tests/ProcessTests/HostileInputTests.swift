import Foundation
import Glibc
import TestSupport
import Testing

/// Nothing that a peer sends may end a process, hang it, or stay in its memory.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct HostileInputTests {
    private static let login =
        #"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"x","agent":"t","algo":["rx/0"]}}"#

    @Test func minersMaySendAnything() throws {
        let service = try Service()
        let workers = service.children("millrace-worker")
        var random = SeededGenerator(seed: 7)
        for round in 0..<1_500 {
            Loopback.exchange(port: service.minerPort, hostile(round, &random), readsReply: false)
        }
        let before = workers.map { (all: ProcessFiles.memory(of: $0), own: ProcessFiles.memory(of: $0, "RssAnon")) }
        for round in 0..<3_000 {
            Loopback.exchange(port: service.minerPort, hostile(round, &random), readsReply: false)
        }
        // Half-open: connected, and silent.
        let silent = (0..<200).compactMap { _ in Loopback.connected(to: service.minerPort) }
        let swarm = try service.startSwarm(["--miners", "50", "--rate", "100", "--seconds", "2"])
        let report = try swarm.finish()
        for descriptor in silent { close(descriptor) }
        #expect(report.shares.ok > 100)
        #expect(report.shares.refused == [:])
        #expect(service.children("millrace-worker") == workers, "\(service.millrace.log)")
        for (pid, memory) in zip(workers, before) {
            #expect(ProcessFiles.memory(of: pid, "RssAnon") < memory.own + 4_096, "grew from \(memory) KiB")
            #expect(ProcessFiles.memory(of: pid) < memory.all + 16_384, "grew from \(memory) KiB")
        }
    }

    @Test func poolsMaySendAnything() throws {
        let service = try Service()
        let workers = service.children("millrace-worker")
        service.pool.kill()
        let pool = try HostilePool(port: service.poolPort)
        #expect(eventually(within: 30) { pool.served >= 12 }, "\(pool.served) connections")
        pool.stop()
        #expect(service.children("millrace-worker") == workers, "\(service.millrace.log)")
        try service.replacePool()
        let swarm = try service.startSwarm(["--miners", "20", "--rate", "50", "--seconds", "4"])
        #expect(try swarm.finish().shares.ok > 20)
    }

    /// Random bytes, cut and joined messages, wrong types, huge lines and ids, deep nesting.
    private func hostile(_ round: Int, _ random: inout SeededGenerator) -> [UInt8] {
        let login = Array((HostileInputTests.login + "\n").utf8)
        switch round % 9 {
        case 0: return (0..<Int(random.next() % 2_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        case 1: return Array(login.prefix(Int(random.next() % UInt64(login.count))))
        case 2: return login + login + login.dropLast(20)
        case 3: return [UInt8](repeating: 0x61, count: 70_000)
        case 4: return Array((#"{"id":1,"a":"# + String(repeating: "[", count: 5_000) + "\n").utf8)
        case 5:
            return Array(#"{"id":99999999999999999999999,"method":"login","params":{"login":1}}"#.utf8) + [0x0a]
        case 6: return Array(#"{"id":1,"method":["login"],"params":{"login":{"a":[1,2]},"pass":null}}"#.utf8) + [0x0a]
        case 7:
            return login + Array(#"{"id":-1,"method":"submit","params":{"id":7,"nonce":[],"result":{}}}"#.utf8) + [0x0a]
        default:
            var line = login
            for _ in 0..<4 { line[Int(random.next() % UInt64(line.count))] = UInt8(truncatingIfNeeded: random.next()) }
            return line
        }
    }
}

/// A server in a pool's place that answers each connection with something wrong.
final class HostilePool: @unchecked Sendable {
    private let descriptor: Int32
    private let lock = NSLock()
    private var count = 0
    private var isStopped = false

    private static let job =
        #"{"blob":"\#(String(repeating: "0", count: 152))","job_id":"1","target":"ffffff00","algo":"rx/0","seed_hash":"\#(String(repeating: "a", count: 64))"}"#
    private static let good = #"{"id":1,"result":{"id":"s","job":\#(job),"status":"OK"},"error":null}"# + "\n"

    private static let answers: [String] = [
        "garbage\n", "{}\n", "[]\n", String(repeating: "x", count: 100_000),
        String(repeating: "[", count: 10_000) + "\n",
        #"{"id":1,"result":{"id":7}}"# + "\n", #"{"id":1,"result":{"id":"s","job":{"blob":"zz"}}}"# + "\n",
        #"{"id":1,"error":{"code":-1,"message":"\#(String(repeating: "é", count: 2_000))"}}"# + "\n",
        good + #"{"method":"job","params":{"blob":"00","job_id":"2","target":"00000000"}}"# + "\n",
        good + #"{"id":18446744073709551615,"result":true}"# + "\n" + #"{"id":-5,"error":"no"}"# + "\nnonsense\n",
        good + #"{"method":5,"params":[]}"# + "\n" + "\u{0}\u{1}\n", "",
    ]

    init(port: UInt16) throws {
        descriptor = try Loopback.listening(on: port).descriptor
        Thread.detachNewThread { [self] in serve() }
    }

    /// Connections that have had their answer.
    var served: Int { lock.withLock { count } }

    func stop() {
        lock.withLock { isStopped = true }
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private func serve() {
        while true {
            let connection = accept(descriptor, nil, nil)
            if lock.withLock({ isStopped }) || connection < 0 { return }
            var request = [UInt8](repeating: 0, count: 4_096)
            _ = recv(connection, &request, request.count, 0)
            let answer = Array(HostilePool.answers[served % HostilePool.answers.count].utf8)
            Loopback.send(answer, to: connection)
            usleep(50_000)
            close(connection)
            lock.withLock { count += 1 }
        }
    }
}
