public import Foundation

/// A program that has run to its end, and what it wrote.
public struct Command {
    public let code: Int32
    public let outputBytes: [UInt8]
    /// What it wrote to its standard error.
    public let complaints: String
    public var output: String { String(decoding: outputBytes, as: UTF8.self) }

    /// - Parameter environment: all of it; nil = our own.
    public init(_ program: URL, _ arguments: [String] = [], environment: [String: String]? = nil) throws {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        if let environment { process.environment = environment }
        let (output, complaints) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaints
        try process.run()
        outputBytes = Array(output.fileHandleForReading.readDataToEndOfFile())
        self.complaints = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        code = process.terminationStatus
    }
}
