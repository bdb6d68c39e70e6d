import Foundation
import Glibc
import TestSupport
import Testing

/// A pool process on a port of its own.
final class PoolProcess {
    let port: UInt16
    private let program: Spawned
    private let scratch = Scratch()
    private var file: URL { scratch.file("report.json") }

    init(_ options: [String]) throws {
        port = try Loopback.freePort()
        program = try Spawned(
            Checkout.program("millrace-practice-pool"),
            ["--port", "\(port)", "--quiet", "--report-file", scratch.file("report.json").path] + options)
        try #require(eventually(within: 10) { Loopback.isServed(port) && !report().isEmpty })
    }

    /// nil while it runs.
    var exitStatus: Int32? { program.exitStatus }

    func stop() { program.end(with: SIGTERM) }

    func report() -> [String: Any] { jsonObject(at: file) ?? [:] }
}

/// Runs a swarm to its end.
func runSwarm(port: UInt16, _ options: [String]) throws -> (status: Int32, report: [String: Any]) {
    let scratch = Scratch()
    let file = scratch.file("report.json")
    let status = try run(
        "millrace-swarm", ["--connect", "127.0.0.1:\(port)", "--report-file", file.path, "--quiet"] + options)
    return (status, jsonObject(at: file) ?? [:])
}

/// - Returns: the exit status.
func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    try Command(Checkout.program(program), arguments).code
}
