public import Foundation

/// One of the built programs, running. Everything it writes goes to a file.
public final class Program {
    private let process = Process()
    private let output: URL

    /// - Parameters:
    ///   - directory: where the program is.
    ///   - environment: beside our own.
    public init(
        _ name: String, _ arguments: [String], in scratch: Scratch, from directory: URL = Checkout.programs,
        environment: [String: String] = [:]
    ) throws {
        output = scratch.file("\(name)-\(UUID().uuidString.prefix(8)).log")
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

    public var pid: pid_t { process.processIdentifier }
    public var isRunning: Bool { process.isRunning }
    public var log: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    /// Ends it in good order.
    /// - Returns: its exit status, or nil when it had not ended after `seconds`.
    public func stop(within seconds: Double = 10) -> Int32? {
        kill(pid, SIGTERM)
        return wait(atMost: seconds)
    }

    public func wait(atMost seconds: Double) -> Int32? {
        guard eventually(within: seconds, { !process.isRunning }) else { return nil }
        return process.terminationStatus
    }
}
