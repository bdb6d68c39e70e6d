import FoundationEssentials
import Glibc
import Logging
import Secrets
import TestSupport
import Testing

@testable import DaemonKit

/// Lines of the system's log, as its daemon gets them.
struct SystemLogTests {
    /// A daemon that listens at a path.
    private final class Daemon {
        let descriptor: Int32

        init(_ path: String) throws {
            unlink(path)
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(result == 0)
        }

        deinit { close(descriptor) }

        func next() -> String? {
            var bytes = [UInt8](repeating: 0, count: 8_192)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
        }
    }

    private let place = Scratch()
    private var path: String { place.file("log").path }

    @Test func aLineHasTheFormOfTheSystemsLog() throws {
        setenv("TZ", "UTC", 1)
        let daemon = try Daemon(path)
        let log = SystemLog(path: path)
        #expect(log.connect() == nil)
        log.write("shard 0: ready", level: .notice, process: 42, time: 1_764_547_205)
        #expect(daemon.next() == "<13>Dec  1 00:00:05 millrace[42]: shard 0: ready")
        for (level, number) in [(Logger.Level.debug, 15), (.info, 14), (.warning, 12), (.error, 11), (.critical, 10)] {
            log.write("x", level: level, process: 1, time: 0)
            #expect(daemon.next()?.hasPrefix("<\(number)>Jan  1 00:00:00 ") == true)
        }
    }

    @Test func aDaemonThatDoesNotReadDelaysNothingAndIsToldWhatItMissed() throws {
        let daemon = try Daemon(path)
        let log = SystemLog(path: path)
        for number in 0..<2_000 { log.write("line \(number)", level: .info, process: 1, time: 0) }
        var read = 0
        while daemon.next() != nil { read += 1 }
        #expect(read > 0 && read < 2_000)
        log.write("again", level: .info, process: 1, time: 0)
        #expect(daemon.next()?.hasSuffix("\(2_000 - read) log lines dropped: the system log was too slow") == true)
        #expect(daemon.next()?.hasSuffix(": again") == true)
    }

    @Test func aDaemonThatWasRestartedIsFoundAgain() throws {
        let log = SystemLog(path: path)
        #expect(log.connect() == "No such file or directory")
        log.write("lost", level: .info, process: 1, time: 0)
        var daemon: Daemon? = try Daemon(path)
        log.write("one", level: .info, process: 1, time: 0)
        #expect(daemon?.next()?.hasSuffix("1 log line dropped: the system log was too slow") == true)
        #expect(daemon?.next()?.hasSuffix(": one") == true)
        daemon = nil
        let second = try Daemon(path)
        log.write("two", level: .info, process: 1, time: 0)
        #expect(second.next()?.hasSuffix(": two") == true)
    }

    @Test func eachLineGoesThereWithItsProcessAndWithoutControls() throws {
        let daemon = try Daemon(path)
        let target = LogTarget(process: "shard 3", level: .info)
        target.change(
            format: .json, level: .info, colors: false, file: nil, systemLog: path, secrets: .init(["sesame"]))
        let logger = Logger(label: "test") { _ in LineLogHandler(target: target) }
        logger.warning("a\u{1b}[0m sesame", metadata: ["ip": "192.0.2.1"])
        #expect(daemon.next()?.hasSuffix(": shard 3: a?[0m *** ip=192.0.2.1") == true)
        target.change(format: .json, level: .info, colors: false, file: nil)
        logger.warning("not there")
        #expect(daemon.next() == nil)
    }
}
