import ApiFixtures
import Configuration
import Continuity
import EventBus
import Foundation
import Glibc
import Telemetry
import TestSupport
import Testing

/// The built program, started as the supervisor would: lifeline at descriptor 3, settings at 4; a publisher of
/// snapshots in the collector's place.
final class GatewayProcess {
    let publisher: SnapshotPublisher
    private let process: Spawned
    private let lifeline: SocketPair
    private let log: LineReader
    private let news: LineReader
    /// Of its own, when it was given no run directory.
    private let scratch = Scratch()

    var pid: pid_t { process.pid }

    /// Runs it for the length of `body`: a plain local would be stopped after its last mention.
    /// - Parameter runDirectory: of a collector that is there already; nil = one of its own.
    static func run<Result>(
        _ api: Settings.API, in runDirectory: String? = nil, _ body: (GatewayProcess) throws -> Result
    ) throws -> Result {
        let gateway = try GatewayProcess(api: api, runDirectory: runDirectory)
        return try withExtendedLifetime(gateway) { try body(gateway) }
    }

    private init(api: Settings.API, serviceStartedAt: UInt64 = 1, runDirectory: String?) throws {
        let runDirectory = runDirectory ?? scratch.path
        var settings = Settings()
        settings.api = api
        settings.isVerbose = true
        settings.runDirectory = runDirectory
        settings.database = runDirectory + "/statistics.sqlite"
        publisher = try SnapshotPublisher(BusContext(), runDirectory: runDirectory)

        lifeline = try SocketPair()
        let output = try SocketPair()
        let launchContext = LaunchContext(
            settings: settings, shard: nil, socketCount: 0, logsJSON: false, serviceStartedAt: serviceStartedAt)
        let file = try launchContext.memoryFile()
        defer { close(file) }
        process = try Spawned(
            Checkout.program("millrace-gateway"), descriptors: [2: output.theirs, 3: lifeline.theirs, 4: file])
        lifeline.closeTheirs()
        log = LineReader(output.takeOurs())
        news = LineReader(fcntl(lifeline.ours, F_DUPFD_CLOEXEC, 0))
    }

    deinit { stop(SIGKILL) }

    /// Waits until it says on which port it serves.
    func port() throws -> UInt16 {
        let line = try #require(log.line(containing: "API on http://"), "the log: \(log.text)")
        return try #require(line.split(separator: ":").last.flatMap { UInt16($0.prefix { $0.isNumber }) })
    }

    func client() throws -> HTTPClient { HTTPClient(port: try port()) }

    func logLine(containing text: String) -> String? { log.line(containing: text) }
    var logText: String { log.text }

    /// A line that it has said to its supervisor.
    func newsLine(containing text: String) -> String? { news.line(containing: text) }

    /// Publishes, as often as it takes until `path` shows `text`: subscribing takes a moment.
    func publish(_ snapshot: Snapshot, until path: String, shows text: String) throws {
        let client = try client()
        for sequence in UInt64(1)...500 {
            var snapshot = snapshot
            snapshot.sequence = sequence
            publisher.publish(snapshot)
            if try client.get(path).text.contains(text) { return }
            usleep(10_000)
        }
        Issue.record("\(path) never showed \(text)")
    }

    func cutLifeline() { shutdown(lifeline.ours, Int32(SHUT_RDWR)) }
    func signal(_ number: Int32) { kill(pid, number) }

    /// Exit code, or minus the number of the signal; nil when it did not end in time.
    func waitForEnd(seconds: Double = 5) -> Int32? { process.waitForEnd(within: seconds) }

    @discardableResult
    func stop(_ number: Int32) -> Int32? { process.end(with: number, within: 5) }

    /// Resident memory in KiB.
    var residentKilobytes: Int { ProcessFiles.memory(of: pid) }
    var openDescriptorCount: Int { ProcessFiles.openDescriptorCount(of: pid) }
}
