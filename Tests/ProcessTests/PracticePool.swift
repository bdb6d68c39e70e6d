import Foundation
import Glibc
import TestSupport

/// A practice pool, running, and what it has counted.
final class PracticePool {
    let port: UInt16
    let program: Program
    private let file: URL

    /// - Parameters:
    ///   - options: beside a difficulty of 1,000.
    ///   - port: nil = one that is free.
    init(_ options: [String] = [], port: UInt16? = nil, in scratch: Scratch) throws {
        self.port = try port ?? Loopback.freePort()
        file = scratch.file("pool-\(self.port).json")
        try? FileManager.default.removeItem(at: file)
        program = try Program(
            "millrace-practice-pool",
            ["--port", "\(self.port)", "--difficulty", "1000", "--quiet", "--report-file", file.path] + options,
            in: scratch)
    }

    /// kill -9; returns when it is gone.
    func kill() {
        guard program.isRunning else { return }
        Glibc.kill(program.pid, SIGKILL)
        _ = program.wait(atMost: 5)
    }

    /// The newest report; it writes one twice a second.
    var report: [String: Any] { jsonObject(at: file) ?? [:] }
    private var shares: [String: Any]? { report["shares"] as? [String: Any] }
    var accepted: Int? { shares?["accepted"] as? Int }
    var rejected: [String: Any]? { shares?["rejected"] as? [String: Any] }
    var logins: Int? { report["logins"] as? Int }
    /// That it has now.
    var connections: Int? { (report["connections"] as? [String: Any])?["now"] as? Int }
}
