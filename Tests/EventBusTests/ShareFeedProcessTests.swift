import Foundation
import Glibc
import Telemetry
import TestSupport
import Testing

@testable import EventBus

/// The public feed, followed by a program that knows nothing but docs/BUS.md.
struct ShareFeedProcessTests {
    private static let script = Checkout.root.appending(path: "docs/examples/follow-shares.py")

    @Test func thePageShowsTheProgramThatIsTestedHere() throws {
        let page = try Checkout.text("docs/BUS.md")
        #expect(page.contains("```python\n" + (try String(contentsOf: Self.script, encoding: .utf8)) + "```"))
    }

    @Test func aSubscriberInAnotherLanguageFollowsTheShares() throws {
        let directory = Scratch()
        let context = try BusContext()
        let publisher = try EventPublisher(
            context, runDirectory: directory.path, source: .shard(0), epoch: .random(), logBytesMax: 1 << 20)
        let follower = try Follower(Self.script, directory.path)
        defer { follower.stop() }

        // It hears nothing of what was said before it came, so all is said again until it does.
        let deadline = Harness.milliseconds() + 30_000
        while Harness.milliseconds() < deadline, !follower.lines().contains(where: { $0.hasSuffix("local 17") }) {
            publisher.record(joined(1))
            publisher.record(MinerJoined(key: 2, worker: "пул ⛏️", ip: "192.0.2.2", agent: "XMRig", user: "48x"))
            publisher.record(PoolError(time: 1, text: "Low difficulty share"))
            publisher.record(fate(1, .accepted, 120_001))
            publisher.record(Checkpoint())
            publisher.flush()
            publisher.publish(ShardGauges(shard: 0, epoch: publisher.epoch, time: 1))
            publisher.record(fate(2, .rejected, .max))
            publisher.record(MinerLeft(key: 1))
            // Of this one no name is known.
            publisher.record(fate(3, .local, 17))
            publisher.flush()
            usleep(20_000)
        }
        // What it has heard first may be the second half.
        let lines = follower.lines().drop { !$0.hasSuffix("120001") }.prefix(3)
        #expect(
            Array(lines) == [
                "01:46:40 0 rig-1 accepted 120001", "01:46:40 0 пул ⛏️ rejected 18446744073709551615",
                "01:46:40 0 3 local 17",
            ])
        #expect(follower.isRunning)
    }

    private func fate(_ miner: MinerKey, _ outcome: ShareOutcome, _ difficulty: UInt64) -> ShareSettled {
        ShareSettled(
            miner: miner, time: 1_000_000_000_000, outcome: outcome, difficulty: difficulty,
            creditedDifficulty: difficulty, actualDifficulty: difficulty)
    }
}

/// The script, and what it has printed until now.
private final class Follower {
    private let process = Process()
    private let output = Pipe()
    private var text: [UInt8] = []

    init(_ script: URL, _ runDirectory: String) throws {
        // Debian's own: only that one has Debian's python3-zmq.
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [script.path, runDirectory, "0"]
        process.standardOutput = output
        let descriptor = output.fileHandleForReading.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        try process.run()
    }

    var isRunning: Bool { process.isRunning }

    func stop() {
        // Its mask is that of the thread that started it, and those block SIGTERM.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func lines() -> [String] {
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(output.fileHandleForReading.fileDescriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            text += chunk.prefix(count)
        }
        // The last one may not be whole yet.
        return String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map(String.init)
    }
}
