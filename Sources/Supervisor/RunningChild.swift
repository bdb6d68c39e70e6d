internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Supervision

/// One process of the service and our end of its lifeline.
final class RunningChild {
    /// What is heard of a process, from its lifeline and from the kernel.
    enum Event {
        case saidReady
        case heartbeat
        case handover(HandoverEvent)
        /// Whether it has absorbed that process of another shard.
        case absorbed(ChildMessage.AbsorptionAnswer)
        /// The last event; nothing of it is open any more.
        case ended(ExitReason)
    }

    /// Words on a lifeline are short; a child that writes more without a newline writes nonsense.
    private static let wordBytesMax = 512

    /// More is not told of one process.
    private static let degradedMax = 16

    /// Milliseconds since 1970.
    let startedAt: UInt64
    /// What a shard has told last.
    private(set) var load: ShardLoad?
    /// What does not work as it should, as of its last heartbeat.
    private(set) var degraded: [String] = []
    /// What it has said since that heartbeat.
    private var degradedNext: [String] = []

    private let loop: Loop
    private let hear: (RunningChild, Event) -> Void
    private var lifeline: Int32 = -1
    private var watch: DescriptorWatch?
    private var process: ChildProcess?
    private var unread: [UInt8] = []
    /// Whether its connections outlive it.
    let hasSuccession: Bool
    /// The configuration that it runs; nil when a version that did not keep it has started it.
    let settings: Settings?
    /// Whether the program that was the supervisor before an upgrade has started it.
    let isAdopted: Bool

    /// Starts the program with its lifeline, its settings and its listening sockets, and nothing else of ours.
    /// - Parameters:
    ///   - hear: called on the loop; `.ended` exactly once, and last.
    init(
        on loop: Loop, executable: String, name: String, environment: [String], launchContext: LaunchContext,
        sockets: [Int32], hear: @escaping (RunningChild, Event) -> Void
    ) throws(SystemFailure) {
        self.loop = loop
        self.hear = hear
        startedAt = WallClock.milliseconds()
        hasSuccession = launchContext.succession != nil
        settings = launchContext.settings
        isAdopted = false
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemFailure(code: -errno)
        }
        lifeline = ends[0]
        let settings = (try? launchContext.memoryFile()) ?? -1
        defer {
            close(ends[1])
            if settings >= 0 { close(settings) }
        }
        do throws(SystemFailure) {
            guard settings >= 0 else { throw SystemFailure(code: -ENOMEM) }
            watch = try DescriptorWatch(on: loop, descriptor: lifeline) { [unowned self] in listen() }
            let command = ProcessCommand(
                executable: executable, arguments: [name], environment: environment,
                descriptors: [nil, STDOUT_FILENO, STDERR_FILENO, ends[1], settings] + sockets)
            process = try ChildProcess(on: loop, command) { [unowned self] ending in ended(ending) }
        } catch {
            cut()
            throw error
        }
    }

    /// What another program needs to go on with the child.
    struct Handed: Codable, Equatable {
        var processID: Int32
        /// -1 when the child has closed its end.
        var lifeline: Int32
        var startedAt: UInt64
        var hasSuccession: Bool
        /// nil from versions that did not keep it.
        var settings: IfReadable<Settings>?
    }

    var handed: Handed {
        Handed(
            processID: processID, lifeline: lifeline, startedAt: startedAt, hasSuccession: hasSuccession,
            settings: settings.map { IfReadable(value: $0) })
    }

    /// Takes over a child that this process had before it executed the present program.
    init(
        on loop: Loop, adopting handed: Handed, hear: @escaping (RunningChild, Event) -> Void
    ) throws(SystemFailure) {
        self.loop = loop
        self.hear = hear
        startedAt = handed.startedAt
        hasSuccession = handed.hasSuccession
        settings = handed.settings?.value
        isAdopted = true
        lifeline = handed.lifeline
        do throws(SystemFailure) {
            if lifeline >= 0 {
                watch = try DescriptorWatch(on: loop, descriptor: lifeline) { [unowned self] in listen() }
            }
            process = try ChildProcess(on: loop, adopting: handed.processID) { [unowned self] in ended($0) }
        } catch {
            cut()
            throw error
        }
    }

    var processID: Int32 { process?.processID ?? 0 }

    func send(_ signal: ChildSignal) {
        switch signal {
        // The lifeline stays: cutting it means that the supervisor is gone, and the child would say so in the log.
        case .terminate: process?.send(signal: SIGTERM)
        case .yield: process?.send(signal: hasSuccession ? SIGUSR2 : SIGTERM)
        case .drain(let millis): say(.drain(withinMillis: millis))
        case .abort: process?.send(signal: SIGABRT)
        case .kill: process?.send(signal: SIGKILL)
        case .freeze: say(.freeze)
        case .resume: say(.resume)
        case .leave: say(.leave)
        case .absorbed: say(.absorbed)
        case .go: say(.go)
        }
    }

    /// Says a word down the lifeline; a child that is gone does not hear it, which its end will tell.
    func say(_ word: Lifeline.Word) { say(line: word.rawValue) }

    /// Has it open its log file again.
    func reopenLog() { say(line: Lifeline.reopenLog) }

    /// Gives a shard a task.
    func say(_ task: ShardTask) { say(line: task.line) }

    /// Tells a shard that another one has this part of it.
    func say(_ part: ShardPart) { say(line: part.line) }

    /// Asks a shard to absorb another one.
    /// - Returns: false when that could not be said.
    func say(_ departing: MergeOffer) -> Bool { departing.say(on: lifeline) }

    private func say(line: String) {
        let line = Array((line + "\n").utf8)
        _ = Glibc.send(lifeline, line, line.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    // MARK: - From the loop

    private func listen() {
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while lifeline >= 0 {
            let count = read(lifeline, &chunk, chunk.count)
            if count > 0 {
                take(chunk.prefix(count))
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                return
            } else {
                // It closed its end. That it leaves is told by its process, not by this.
                cut()
            }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        unread += bytes
        while let end = unread.firstIndex(of: 0x0a) {
            let line = String(decoding: unread[..<end], as: UTF8.self)
            unread.removeSubrange(...end)
            // nil: a newer child may have more to say than we know.
            if let message = ChildMessage(line: line) { take(message) }
        }
        if unread.count > RunningChild.wordBytesMax { unread.removeAll() }
    }

    private func take(_ message: ChildMessage) {
        switch message {
        case .ready: hear(self, .saidReady)
        case .heartbeat:
            (degraded, degradedNext) = (degradedNext, [])
            hear(self, .heartbeat)
        case .degraded(let text):
            if degradedNext.count < RunningChild.degradedMax { degradedNext.append(text) }
        case .load(let load): self.load = load
        case .prepared: hear(self, .handover(.prepared))
        case .froze: hear(self, .handover(.froze))
        case .cannotFreeze: hear(self, .handover(.cannotFreeze))
        case .adopted: hear(self, .handover(.adopted))
        case .absorption(let answer): hear(self, .absorbed(answer))
        }
    }

    private func ended(_ ending: ProcessEnding) {
        cut()
        process = nil
        switch ending {
        case .exit(let code): hear(self, .ended(.exit(code)))
        case .signal(let number): hear(self, .ended(.signal(number)))
        }
    }

    private func cut() {
        watch?.close()
        watch = nil
        if lifeline >= 0 { close(lifeline) }
        lifeline = -1
    }
}
