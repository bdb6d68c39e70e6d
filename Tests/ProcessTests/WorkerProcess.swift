import Configuration
import Continuity
import EventLoop
import Foundation
import Glibc
import Linux
import TestSupport
import Testing

/// The built `millrace-worker`, started as the supervisor would: the test is its supervisor.
final class WorkerProcess {
    /// What outlives its processes.
    final class Succession {
        let shard: Int
        let memory: Int32
        let listener: Int32
        let port: UInt16
        fileprivate(set) var incarnation = 0
        /// Of the latest process.
        fileprivate(set) var anchor: Int32 = -1
        fileprivate var former: [(incarnation: Int, anchor: Int32)] = []

        init(shard: Int) throws {
            self.shard = shard
            memory = try SharedMemory.makeFile(name: "test-shard")
            listener = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
            port = try ListeningSocket.address(of: listener).port
        }

        /// What another shard has taken over of it.
        var released: LaunchContext.Succession.Released?

        /// Its present process, as another shard is told of it.
        var departing: MergeOffer { departing(nil) }

        /// A part of it.
        func departing(_ part: ShardPart?) -> MergeOffer {
            MergeOffer(
                shard: UInt16(shard), incarnation: UInt64(incarnation), part: part, memory: memory, anchor: anchor)
        }

        func liftFormer() {
            for one in former { close(one.anchor) }
            former = []
        }

        deinit {
            liftFormer()
            for descriptor in [memory, listener, anchor] where descriptor >= 0 { close(descriptor) }
        }
    }

    private let process: Spawned
    private let lifeline: SocketPair
    private var unread = ""
    private(set) var heard: [String] = []

    var pid: pid_t { process.pid }

    /// - Parameter standsBeside: its predecessor, or what that has left, is not touched before a word.
    init(_ settings: Settings, _ succession: Succession, standsBeside: Bool = false) throws {
        lifeline = try SocketPair()
        let anchors = try SocketPair(SOCK_SEQPACKET)
        _ = fcntl(lifeline.ours, F_SETFL, O_NONBLOCK)
        if succession.anchor >= 0 { succession.former.append((succession.incarnation, succession.anchor)) }
        succession.incarnation += 1
        succession.anchor = anchors.takeOurs()
        var launchContext = LaunchContext(
            settings: settings, shard: succession.shard, socketCount: 1, logsJSON: false, serviceStartedAt: 0)
        var launchState = LaunchContext.Succession(
            memory: 6, anchor: 7, incarnation: succession.incarnation,
            former: succession.former.enumerated().map { .init(incarnation: $1.incarnation, anchor: 8 + Int32($0)) })
        launchState.standsBeside = standsBeside
        launchState.released = succession.released
        launchContext.succession = launchState
        let file = try launchContext.memoryFile()
        defer { close(file) }
        let all = [lifeline.theirs, file, succession.listener, succession.memory, anchors.theirs]
        let numbers = (all + succession.former.map(\.anchor)).enumerated().map { (3 + Int32($0), $1) }
        process = try Spawned(
            Checkout.program("millrace-worker"), name: "millrace-worker: shard \(succession.shard)",
            descriptors: Dictionary(uniqueKeysWithValues: numbers))
        lifeline.closeTheirs()
    }

    deinit { end(with: SIGKILL) }

    // MARK: - Words

    func say(_ word: Lifeline.Word) { say(word.rawValue + "\n") }

    func say(_ task: ShardTask) { say(task.line + "\n") }

    /// Tells it that another shard has this part of it.
    func release(_ part: ShardPart) { say(part.line + "\n") }

    private func say(_ line: String) {
        Loopback.send(Array(line.utf8), to: lifeline.ours)
    }

    /// Tells it to absorb another shard.
    func absorb(_ departing: MergeOffer) -> Bool { departing.say(on: lifeline.ours) }

    /// Waits until it has said so.
    func says(_ word: String, within seconds: Double = 10) -> Bool {
        eventually(within: seconds) {
            listen()
            return heard.contains(word)
        }
    }

    private func listen() {
        var buffer = [UInt8](repeating: 0, count: 1_024)
        while true {
            let count = read(lifeline.ours, &buffer, buffer.count)
            guard count > 0 else { break }
            unread += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        let lines = unread.split(separator: "\n", omittingEmptySubsequences: false)
        heard += lines.dropLast().map(String.init)
        unread = String(lines.last ?? "")
    }

    /// - Parameter number: of the signal; 0 only waits.
    /// - Returns: exit code, or minus the number of the signal; nil when it did not end in time.
    @discardableResult
    func end(with number: Int32, within seconds: Double = 10) -> Int32? {
        process.end(with: number, within: seconds)
    }
}
