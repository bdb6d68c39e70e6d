import Foundation
import Glibc
import Logging
import Testing

@testable import DaemonKit

@Suite struct LogLineTests {
    private let text = LineStyle(process: "shard 0", processID: 42, format: .text, colors: false)
    private let json = LineStyle(process: "shard 0", processID: 42, format: .json, colors: false)
    private let time = timespec(tv_sec: 1_000_000_000, tv_nsec: 7_000_000)

    private func line(
        _ style: LineStyle, _ message: String, level: Logger.Level = .info, metadata: [(String, String)] = []
    ) -> String {
        String(decoding: style.line(time: time, level: level, message: message, metadata: metadata), as: UTF8.self)
    }

    @Test func aLineForPeopleTellsWhenHowBadWhoAndWhat() {
        let line = line(text, "pool lost", level: .critical, metadata: [("pool", "a:1")])
        // The date is that of the local time zone: only its shape is checked.
        #expect(line.contains(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.007 CRITICAL shard 0\[42\] pool lost pool=a:1\n$/))
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
            #expect((LineStyle.messageBytesMax..<4_096).contains(bytes))
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
        // A pipe holds 64 KiB: most of these find no room.
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
