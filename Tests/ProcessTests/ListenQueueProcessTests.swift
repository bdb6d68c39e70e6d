import Configuration
import Continuity
import Glibc
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1)))
struct ListenQueueProcessTests {
    /// A shard that stops listening accepts the connections that wait in the kernel, more than it accepts in a turn.
    @Test func connectionsThatWaitAreAcceptedWhenAShardDrains() throws {
        let scratch = Scratch()
        var settings = Settings()
        settings.pools = [Settings.Pool(host: "127.0.0.1", port: 1, user: "practice", password: "x")]
        settings.runDirectory = scratch.path
        settings.usesColors = false
        let succession = try WorkerProcess.Succession(shard: 0)
        let worker = try WorkerProcess(settings, succession)
        try #require(worker.says("ready"))
        kill(worker.pid, SIGSTOP)
        let miners = (0..<32).compactMap { _ in Loopback.connected(to: succession.port) }
        defer { for miner in miners { close(miner) } }
        try #require(miners.count == 32)
        worker.say(.drain(withinMillis: 0))
        kill(worker.pid, SIGCONT)
        #expect(worker.end(with: 0) == 0)
    }
}
