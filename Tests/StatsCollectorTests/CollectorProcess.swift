import Configuration
import Continuity
import EventBus
import Foundation
import Glibc
import TestSupport

/// The built program, started as the supervisor would: lifeline at descriptor 3, settings at 4; the test plays the shards
/// and the gateway.
final class CollectorProcess {
    private let process: Spawned
    private let lifeline: SocketPair

    init(_ settings: Settings, serviceStartedAt: UInt64) throws {
        lifeline = try SocketPair()
        let launchContext = LaunchContext(
            settings: settings, shard: nil, socketCount: 0, logsJSON: false, serviceStartedAt: serviceStartedAt)
        let file = try launchContext.memoryFile()
        defer { close(file) }
        process = try Spawned(
            Checkout.program("millrace-collector"), descriptors: [3: lifeline.theirs, 4: file])
        lifeline.closeTheirs()
    }

    deinit { end(with: SIGKILL) }

    /// - Returns: exit code, or minus the number of the signal; nil when it did not end in time.
    @discardableResult
    func end(with number: Int32) -> Int32? { process.end(with: number) }
}
