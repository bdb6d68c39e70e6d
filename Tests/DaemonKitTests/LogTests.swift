import Continuity
import Foundation
import Glibc
import Logging
import TestSupport
import Testing

@testable import DaemonKit

@Suite struct LogLineTests {
    private let text = LogLineFormatter(process: "shard 0", processID: 42, format: .text, colors: false)
    private let json = LogLineFormatter(process: "shard 0", processID: 42, format: .json, colors: false)
    private let time = timespec(tv_sec: 1_000_000_000, tv_nsec: 7_000_000)

    private func line(
        _ style: LogLineFormatter, _ message: String, level: Logger.Level = .info, metadata: [(String, String)] = []
    ) -> String {
        String(decoding: style.line(time: time, level: level, message: message, metadata: metadata), as: UTF8.self)
    }

    /// 2026-03-29 and 2026-10-25 are the start and the end of daylight saving time in Europe.
    @Test(arguments: [
        (10, 25, 2, 7_200, "2026-10-25T02:05:09.007+02:00"), (10, 25, 2, 3_600, "2026-10-25T02:05:09.007+01:00"),
        (3, 29, 3, 7_200, "2026-03-29T03:05:09.007+02:00"), (1, 1, 0, 0, "2026-01-01T00:05:09.007+00:00"),
        (6, 1, 23, -12_600, "2026-06-01T23:05:09.007-03:30"), (6, 1, 23, 20_700, "2026-06-01T23:05:09.007+05:45"),
    ])
    func timesNameTheirOffset(_ month: Int32, _ day: Int32, _ hour: Int32, _ offset: Int, _ stamp: String) {
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (126, month - 1, day)
        (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_gmtoff) = (hour, 5, 9, offset)
        #expect(LogLineFormatter.stamp(parts, milliseconds: 7) == stamp)
    }

    @Test func aLineForPeopleTellsWhenHowBadWhoAndWhat() {
        let line = line(text, "pool lost", level: .critical, metadata: [("pool", "a:1")])
        // The local time zone is unknown, so only the form of the date is checked.
        #expect(
            line.contains(
                /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.007[+-]\d\d:\d\d CRITICAL shard 0\[42\] pool lost pool=a:1\n$/))
    }

    @Test func colorsAreAddedOnlyWhereAskedFor() {
        var colored = text
        colored.colors = true
        #expect(line(colored, "x", level: .error).contains("\u{1b}[31mERROR"))
        #expect(!line(text, "x", level: .error).contains("\u{1b}"))
    }

    @Test func whatAPeerSaysCannotForgeALineOrCommandTheTerminal() {
        let evil = "a\nb\u{1b}[2J\u{9b}c\u{7f}"
        let line = line(text, evil, metadata: [("agent", evil)])
        #expect(line.hasSuffix(" a?b?[2J?c? agent=a?b?[2J?c?\n"))
        #expect(line.count { $0 == "\n" } == 1)
    }

    /// Bidi controls, characters that join or hide letters, tags, and line separators of some programs.
    @Test(arguments: ["202a", "202e", "2066", "2069", "200b", "feff", "2028", "e0041", "3164", "61c"])
    func whatNobodySeesIsNamed(scalar: String) throws {
        let invisible = String(try #require(UInt32(scalar, radix: 16).flatMap(Unicode.Scalar.init)))
        let name = "\\u{\(scalar)}"
        let seen = line(text, "a\(invisible)b", metadata: [("agent", "c\(invisible)d")])
        #expect(seen.hasSuffix(" a\(name)b agent=c\(name)d\n"))
        let object = try JSONSerialization.jsonObject(with: Data(line(json, "a\(invisible)b").utf8)) as? [String: Any]
        #expect(object?["message"] as? String == "a\(name)b")
    }

    @Test func lettersOfAllScriptsStay() {
        let words = "wallet 名前 имя اسم é 🙂"
        #expect(line(text, words).hasSuffix(" \(words)\n"))
    }

    @Test func aLineForMachinesIsOneObjectWithKnownKeys() throws {
        let line = line(json, "he said \"hi\"\n", metadata: [("agent", "x\u{1}"), ("pid", "7"), ("message", "no")])
        #expect(line.count { $0 == "\n" } == 1 && line.hasSuffix("}\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["time"] as? Double == 1_000_000_000.007)
        #expect(object["pid"] as? Int == 42)
        #expect(object["level"] as? String == "info")
        #expect(object["process"] as? String == "shard 0")
        #expect(object["message"] as? String == "he said \"hi\"\n")
        #expect(object["agent"] as? String == "x\u{1}")
        #expect(object.count == 6)
    }

    @Test func aVeryLongMessageIsCutSoThatLinesOfSeveralProcessesDoNotMix() {
        for style in [text, json] {
            let bytes = line(style, String(repeating: "ä", count: 100_000)).utf8.count
            #expect((LogLineFormatter.messageBytesMax..<4_096).contains(bytes))
        }
    }
}

@Suite struct LogSinkTests {
    @Test func aReaderThatDoesNotReadCostsLinesButNeverTime() throws {
        let pipe = Pipe()
        defer { withExtendedLifetime(pipe) {} }
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let line = Array(repeating: UInt8(ascii: "x"), count: 999) + [0x0a]
        var noticed: [Int] = []
        // A pipe holds 64 KiB, so most of these lines are dropped.
        for _ in 0..<200 {
            sink.write(line) { lost in
                noticed.append(lost)
                return []
            }
        }
        #expect(noticed == [])
        let kept = whatWaits(in: pipe).count / 1_000
        #expect((1..<200).contains(kept))
        sink.write(line) { lost in
            noticed.append(lost)
            return Array("lost\n".utf8)
        }
        #expect(noticed == [200 - kept])
        #expect(whatWaits(in: pipe) == Array("lost\n".utf8) + line)
    }

    private func whatWaits(in pipe: Pipe) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(pipe.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
        return Array(buffer.prefix(max(count, 0)))
    }
}

@Suite struct LogRotationTests {
    private let scratch = Scratch()
    private var path: String { scratch.file("a.log").path }

    private func target() -> LogTarget {
        let target = LogTarget(process: "test", level: .info)
        target.change(format: .text, level: .info, colors: false, file: path)
        return target
    }

    private func write(_ line: String, to target: LogTarget) {
        for sink in target.way.sinks.dropFirst() { sink.write(Array((line + "\n").utf8)) { _ in [] } }
        target.flush()
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test func linesGoToTheNewFileAfterARenameAndReopening() throws {
        let target = target()
        write("one", to: target)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        write("two", to: target)
        target.reopen()
        write("three", to: target)
        #expect(text(path + ".1") == "one\ntwo\n" && text(path) == "three\n")
    }

    @Test func reopeningAppendsToAFileThatThePredecessorsOfAWriterMade() throws {
        let target = target()
        write("one", to: target)
        for _ in 0..<3 { target.reopen() }
        write("two", to: target)
        #expect(text(path) == "one\ntwo\n")
        #expect(target.way.sinks.count == 2)
    }

    @Test func aPathThatCannotBeOpenedLeavesTheFormerFileInUse() throws {
        let target = target()
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        target.reopen()
        write("one", to: target)
        #expect(text(path + ".1") == "one\n")
        try FileManager.default.removeItem(atPath: path)
        target.reopen()
        write("two", to: target)
        #expect(text(path) == "two\n")
    }

    @Test func withoutAFileThereIsNothingToReopen() {
        let target = LogTarget(process: "test", level: .info)
        target.reopen()
        #expect(target.way.sinks.count == 1)
    }

    @Test func aChildHearsTheWordOnItsLifelineAndGoesOnToTheNextOne() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        let words = Array("\(Lifeline.reopenLog)\nresume\n".utf8)
        #expect(Glibc.write(pair.theirs, words, words.count) == words.count)
        let first = lifeline.next()
        let second = lifeline.next()
        #expect(first == .word(.resume) && second == nil)
    }
}
