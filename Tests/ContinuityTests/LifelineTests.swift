import Configuration
import DaemonKit
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Continuity

@Suite struct LifelineTests {
    @Test func newsGoUpwardAsLines() throws {
        let pair = try SocketPair()
        let lifeline = Lifeline(descriptor: pair.ours)
        lifeline.say(.ready)
        lifeline.sayHeartbeat()
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(pair.theirs, &buffer, buffer.count)
        #expect(String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self) == "ready\nheartbeat\n")

        Degradation.set("disk", "full\nto the brim")
        Degradation.set("API", String(repeating: "é", count: 200))
        lifeline.sayHeartbeat()
        Degradation.set("disk", nil)
        Degradation.set("API", nil)
        lifeline.sayHeartbeat()
        buffer = [UInt8](repeating: 0, count: 1_024)
        let size = read(pair.theirs, &buffer, buffer.count)
        let lines = String(decoding: buffer.prefix(max(size, 0)), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 4 && lines[1...] == ["degraded disk: full to the brim", "heartbeat", "heartbeat"])
        #expect(lines.first?.utf8.count == 9 + 199 && lines.first?.hasPrefix("degraded API: éé") == true)
    }

    @Test func itIsCutWhenTheSupervisorLetsGoAndNotBefore() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        let atFirst = lifeline.isCut()
        write(pair.theirs, "anything", 8)
        let afterWords = lifeline.isCut()
        pair.closeTheirs()
        let afterTheEnd = lifeline.isCut()
        #expect((atFirst, afterWords, afterTheEnd) == (false, false, true))
    }

    @Test func tasksComeDownWordByWordHoweverTheyArrive() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        write(pair.theirs, "drain 30000\nlis", 15)
        let first = lifeline.next()
        let nothing = lifeline.next()
        write(pair.theirs, "ten 2\nfly 7\ndrain -1\ndrain\n", 28)
        let second = lifeline.next()
        let nonsense = lifeline.next()
        pair.closeTheirs()
        let end = lifeline.next()
        #expect(first == .task(.drain(withinMillis: 30_000)) && nothing == nil)
        #expect(second == .task(.listen(socketCount: 2)) && nonsense == nil && end == .cut)
    }

    @Test(arguments: [ShardTask.drain(withinMillis: 0), .drain(withinMillis: 3_600_000), .listen(socketCount: 64)])
    func aTaskIsReadAsItWasWritten(task: ShardTask) {
        #expect(ShardTask(line: task.line) == task)
        #expect(ShardTask(line: "drain 9223372036854775807") == nil && ShardTask(line: "listen 1000000001") == nil)
    }

    @Test(arguments: ["load", "load 1", "load 1 -2", "load a b", "loads 1 2", "load 1 2 3", ""])
    func whatIsNoLoadIsNone(line: String) {
        #expect(ShardLoad(line: line) == nil)
        #expect(ShardLoad(line: ShardLoad(miners: 12, upstreams: 1).line) == ShardLoad(miners: 12, upstreams: 1))
    }

    @Test func unreadNewsDoNotHideTheCut() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        lifeline.say(.ready)
        pair.closeTheirs()
        let isCut = lifeline.isCut()
        #expect(isCut)
    }

    @Test(arguments: [1, 3, 64])
    func wordsComeDownwardHoweverTheyAreCut(chunk: Int) throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        let bytes = Array("freeze\nunheard of\nresume\n\(String(repeating: "x", count: 100))".utf8)
        var heard: [Lifeline.SupervisorMessage] = []
        for part in bytes.pieces(of: chunk) {
            write(pair.theirs, part, part.count)
            while let news = lifeline.next() { heard.append(news) }
        }
        #expect(heard == [.word(.freeze), .word(.resume)])
        // The unterminated line is discarded, and the next line is read.
        write(pair.theirs, "\ngo\n", 4)
        let next = lifeline.wait()
        #expect(next == .word(.go))
        pair.closeTheirs()
        let last = lifeline.wait()
        #expect(last == .cut)
    }

    @Test func aSupervisorThatDoesNotReadOrIsGoneNeverHoldsTheChildUp() throws {
        let pair = try SocketPair()
        let lifeline = Lifeline(descriptor: pair.ours)
        for _ in 0..<100_000 { lifeline.sayHeartbeat() }
        pair.closeTheirs()
        lifeline.sayHeartbeat()
    }
}

@Suite struct LaunchContextTests {
    @Test func theMemoryFileHoldsTheWholeValueAndIsNotLeaked() throws {
        var settings = Settings()
        settings.pools = [Settings.Pool(host: "pool.example", port: 3333, user: "48…", password: "x")]
        settings.shards = 3
        let value = LaunchContext(
            settings: settings, shard: 2, socketCount: 2, logsJSON: true, serviceStartedAt: 1_700_000_000_000)
        let descriptor = try value.memoryFile()
        defer { close(descriptor) }
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        lseek(descriptor, 0, SEEK_SET)
        let data = try #require(try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readToEnd())
        let copy = try JSONDecoder().decode(LaunchContext.self, from: data)
        #expect(copy.settings == settings)
        #expect(copy.shard == 2)
        #expect(copy.sockets == [5, 6])
        #expect(copy.logsJSON)
        #expect(copy.serviceStartedAt == 1_700_000_000_000)
    }
}
