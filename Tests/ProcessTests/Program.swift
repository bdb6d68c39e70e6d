import Foundation
import Glibc
import Synchronization
import Testing

/// One of the built programs, running. Everything it writes goes to a file.
final class Program {
    let process = Process()
    private let output: URL

    /// Where `swift build` has put the programs: beside this test.
    static let directory = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    /// - Parameters:
    ///   - directory: where the program is.
    ///   - environment: beside our own.
    init(
        _ name: String, _ arguments: [String], in scratch: Scratch, from directory: URL = Program.directory,
        environment: [String: String] = [:]
    ) throws {
        output = scratch.url.appending(path: "\(name)-\(UUID().uuidString.prefix(8)).log")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        process.executableURL = directory.appending(path: name)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let log = try FileHandle(forWritingTo: output)
        process.standardOutput = log
        process.standardError = log
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    var pid: pid_t { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var log: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    /// Ends it in good order.
    /// - Returns: its exit status, or nil when it had not ended after `seconds`.
    func stop(within seconds: Double = 10) -> Int32? {
        kill(pid, SIGTERM)
        return wait(atMost: seconds)
    }

    func wait(atMost seconds: Double) -> Int32? {
        guard eventually(within: seconds, { !process.isRunning }) else { return nil }
        return process.terminationStatus
    }
}

/// A directory that goes when the test has ended.
final class Scratch {
    let url: URL

    init() throws {
        // Short: socket paths have 107 bytes at most.
        url = URL(filePath: "/tmp/millrace-test-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}

/// Looks again and again until `condition` holds.
/// - Returns: false when it did not within `seconds`.
func eventually(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
        if try condition() { return true }
        usleep(20_000)
    }
    return try condition()
}

/// Ports that this run has given out. The kernel offers a port again as soon as it is closed: two servers of one test must
/// not be told the same one.
private let givenPorts = Mutex<Set<UInt16>>([])

/// A TCP port of 127.0.0.1 that was free a moment ago, and that this run has not been given before.
func freePort() throws -> UInt16 {
    for _ in 0..<100 {
        let port = try unusedPort()
        if givenPorts.withLock({ $0.insert(port).inserted }) { return port }
    }
    throw CocoaError(.featureUnsupported, userInfo: [NSLocalizedDescriptionKey: "100 ports in a row were given before"])
}

private func unusedPort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
        }
    }
    try #require(bound)
    return UInt16(bigEndian: address.sin_port)
}

/// A connection to 127.0.0.1, or nil when nobody listens. The caller closes it.
func connectToLoopback(port: UInt16) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port: port)
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard connected else {
        close(descriptor)
        return nil
    }
    // No test waits for ever.
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
}

private func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

/// Sends all bytes and answers with what comes back until the peer closes, or nothing has come for a while.
func exchange(port: UInt16, _ bytes: [UInt8], readsReply: Bool = true) -> [UInt8] {
    guard let descriptor = connectToLoopback(port: port) else { return [] }
    defer { close(descriptor) }
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count <= 0 { break }
        sent += count
    }
    guard readsReply else { return [] }
    var reply: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count <= 0 { return reply }
        reply += buffer[..<count]
    }
}
