import Foundation
import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

@testable import DaemonKit

/// Files that are not regular, and file systems that hang. Serialized, because a process makes a limited number of
/// attempts that hang.
@Suite(.serialized) struct LogFileTests {
    private let scratch = Scratch()
    private var path: String { scratch.file("a.log").path }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private func write(_ line: String, to target: LogTarget) {
        for sink in target.way.sinks.dropFirst() { sink.write(Array((line + "\n").utf8)) { _ in [] } }
    }

    // MARK: - Regular files only

    @Test(arguments: ["FIFO without a reader", "FIFO with a reader", "directory", "device", "socket", "link to a FIFO"])
    func onlyRegularFilesAreOpened(kind: String) throws {
        var path = path
        var reader: Int32 = -1
        var expected = "expected a regular file, found a FIFO"
        switch kind {
        case "directory":
            mkdir(path, 0o700)
            expected = "expected a regular file, found a directory"
        case "device":
            path = "/dev/null"
            expected = "expected a regular file, found a device"
        case "socket":
            try LocalSocket.leaveFile(at: path)
            expected = "expected a regular file, found a socket"
        case "link to a FIFO":
            mkfifo(path + ".fifo", 0o600)
            symlink(path + ".fifo", path)
        default:
            mkfifo(path, 0o600)
            if kind == "FIFO with a reader" { reader = open(path, O_RDONLY | O_NONBLOCK) }
        }
        defer { if reader >= 0 { close(reader) } }
        let began = Date()
        let (_, failure) = LogFile.open(path) { _, _ in }
        #expect(failure == expected)
        #expect(Date().timeIntervalSince(began) < 1)
    }

    @Test func aLinkToAFileIsTheOperatorsChoice() throws {
        symlink(scratch.file("elsewhere.log").path, path)
        let target = LogTarget(process: "test", level: .info)
        target.change(format: .text, level: .info, colors: false, file: path)
        write("one", to: target)
        target.flush()
        #expect(text(scratch.file("elsewhere.log").path) == "one\n")
    }

    @Test(arguments: [("missing/a.log", "No such file or directory"), ("", "No such file or directory")])
    func theSystemsReasonIsTold(name: String, reason: String) {
        let (_, failure) = LogFile.open(name.isEmpty ? "" : scratch.path + "/" + name) { _, _ in }
        #expect(failure == reason)
    }

    /// Lines logged before a change or reopening of the file are written.
    @Test func linesThatWaitAreWrittenAfterTheFileWasLetGo() throws {
        for round in 0..<20 {
            let former = scratch.file("\(round).log").path
            let target = LogTarget(process: "test", level: .info)
            target.change(format: .text, level: .info, colors: false, file: former)
            for line in 0..<20 { write("\(line)", to: target) }
            target.change(format: .text, level: .info, colors: false, file: path)
            #expect(eventually(within: 5) { text(former)?.split(separator: "\n").count == 20 }, "\(text(former) ?? "")")
        }
    }

    // MARK: - A file system that hangs

    /// Opens a path when the test allows it.
    private final class SlowDisk: Sendable {
        let hangs = Atomic<Bool>(true)

        func open(_ path: String) -> LogFile.Opening {
            while hangs.load(ordering: .relaxed) { usleep(1_000) }
            return LogFile.openRegular(path)
        }
    }

    @Test func aFileThatOpensLateIsUsedFromThen() throws {
        let disk = SlowDisk()
        let target = LogTarget(process: "test", level: .info, openFile: { disk.open($0) })
        let began = Date()
        target.change(format: .text, level: .info, colors: false, file: path)
        #expect(Date().timeIntervalSince(began) < 1)
        write("one", to: target)
        disk.hangs.store(false, ordering: .relaxed)
        #expect(eventually(within: 5) { target.way.pending == nil })
        write("two", to: target)
        target.flush()
        #expect(text(path) == "one\ntwo\n")
    }

    @Test func aFileThatCannotBeOpenedAfterAllIsLetGo() throws {
        mkfifo(path, 0o600)
        let disk = SlowDisk()
        let target = LogTarget(process: "test", level: .info, openFile: { disk.open($0) })
        target.change(format: .text, level: .info, colors: false, file: path)
        write("one", to: target)
        disk.hangs.store(false, ordering: .relaxed)
        #expect(eventually(within: 5) { target.way.sinks.count == 1 })
        #expect(target.way.pending == nil)
    }

    @Test func whileReopeningHangsThePreviousFileIsUsed() throws {
        let disk = SlowDisk()
        disk.hangs.store(false, ordering: .relaxed)
        let target = LogTarget(process: "test", level: .info, openFile: { disk.open($0) })
        target.change(format: .text, level: .info, colors: false, file: path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        disk.hangs.store(true, ordering: .relaxed)
        target.reopen()
        write("one", to: target)
        disk.hangs.store(false, ordering: .relaxed)
        #expect(eventually(within: 5) { text(path) != nil && target.way.pending == nil })
        write("two", to: target)
        target.flush()
        #expect(eventually(within: 5) { text(path + ".1") == "one\n" } && text(path) == "two\n")
    }

    @Test func whatIsWantedNoMoreIsNotUsedWhenItOpens() throws {
        let disk = SlowDisk()
        let target = LogTarget(
            process: "test", level: .info,
            openFile: { path in path.hasSuffix("a.log") ? disk.open(path) : LogFile.openRegular(path) })
        target.change(format: .text, level: .info, colors: false, file: path)
        let other = scratch.file("b.log").path
        target.change(format: .text, level: .info, colors: false, file: other)
        disk.hangs.store(false, ordering: .relaxed)
        usleep(200_000)
        write("one", to: target)
        target.flush()
        #expect(text(other) == "one\n" && (text(path) ?? "") == "")
    }

    /// A disk that does not accept lines costs lines, but no time.
    @Test func linesThatAreNotTakenAreCounted() throws {
        let fifo = scratch.file("fifo").path
        mkfifo(fifo, 0o600)
        let reader = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        // Represents a file whose write(2) does not return.
        let disk = open(fifo, O_WRONLY | O_CLOEXEC)
        let (file, _) = LogFile.open(fifo, with: { _ in .file(disk) }, late: { _, _ in })
        let sink = LogSink(file: try #require(file))
        let line = Array(repeating: UInt8(ascii: "x"), count: 999) + [0x0a]
        var (sent, lost, taken) = (0, 0, 0)
        func send() {
            sent += 1
            sink.write(line) { count in
                lost += count
                sent += 1
                return line
            }
        }
        let began = Date()
        for _ in 0..<2_000 { send() }
        #expect(Date().timeIntervalSince(began) < 2)
        // Now it accepts lines. The next line reports the loss; it is sent when nothing has arrived for a while.
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var quiet = 0
        for _ in 0..<6_000 where quiet < 100 || lost + taken < sent {
            let bytes = max(read(reader, &buffer, buffer.count), 0)
            taken += bytes / line.count
            quiet = bytes == 0 ? quiet + 1 : 0
            if quiet % 50 == 49, lost + taken < sent { send() }
            usleep(10_000)
        }
        #expect(lost > 0 && lost + taken == sent)
    }
}
