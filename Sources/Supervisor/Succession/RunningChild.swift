internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Supervision

/// A child process and the supervisor's end of its lifeline.
final class RunningChild {
    /// What the lifeline or the kernel reports about a process.
    enum Event {
        case saidReady
        case heartbeat
        case handover(HandoverEvent)
        /// The answer to a merge offer: whether it has absorbed the other shard.
        case absorbed(ChildMessage.AbsorptionAnswer)
        /// The last event. All descriptors of the child are closed.
        case ended(ExitReason)
    }

    /// Messages on a lifeline are short. A longer line is not one, and is discarded.
    private static let wordBytesMax = 512

    /// Further limitations of the same process are not recorded.
    private static let degradedMax = 16

    /// Milliseconds since 1970.
    let startedAt: UInt64
    /// The last load that a shard reported.
    private(set) var load: ShardLoad?
    /// Limitations reported before the last heartbeat.
    private(set) var degraded: [String] = []
    /// Limitations reported since the last heartbeat.
    private var degradedNext: [String] = []

    private let loop: Loop
    private let hear: (RunningChild, Event) -> Void
    private var lifeline: Int32 = -1
    private var watch: DescriptorWatch?
    private var process: ChildProcess?
    private var unread: [UInt8] = []
    /// Whether its connections stay open when it exits.
    let hasSuccession: Bool
    /// The configuration it runs with; nil if a supervisor started it that did not record it.
    let settings: Settings?
    /// Whether it was started before an upgrade of the supervisor.
    let isAdopted: Bool

    /// Starts the program. It inherits its lifeline, its settings and its sockets, and no other descriptor.
    /// - Parameters:
    ///   - hear: called on the loop. `.ended` is sent exactly once, as the last event.
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

    /// What another program needs to continue with the child.
    struct Handed: Codable, Equatable {
        var processID: Int32
        /// -1 when the child has closed its end.
        var lifeline: Int32
        var startedAt: UInt64
        var hasSuccession: Bool
        /// nil if a version wrote it that did not record them.
        var settings: IfReadable<Settings>?
    }

    var handed: Handed {
        Handed(
            processID: processID, lifeline: lifeline, startedAt: startedAt, hasSuccession: hasSuccession,
            settings: settings.map { IfReadable(value: $0) })
    }

    /// Adopts a child that this process started before it executed the present program.
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
        // The lifeline stays open: a child treats its end as the exit of the supervisor, and logs that.
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

    /// Sends a message on the lifeline. A child that has exited does not get it; its exit is reported separately.
    func say(_ word: Lifeline.Word) { say(line: word.rawValue) }

    /// Makes the child reopen its log file.
    func reopenLog() { say(line: Lifeline.reopenLog) }

    /// Sends a task to a shard.
    func say(_ task: ShardTask) { say(line: task.line) }

    /// Informs a shard that another shard has absorbed this part of it.
    func say(_ part: ShardPart) { say(line: part.line) }

    /// Asks a shard to absorb another one.
    /// - Returns: false when the request could not be sent.
    func say(_ departing: MergeOffer) -> Bool { departing.say(on: lifeline) }

    private func say(line: String) {
        let line = Array((line + "\n").utf8)
        _ = Glibc.send(lifeline, line, line.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    // MARK: - Callbacks

    private func listen() {
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while lifeline >= 0 {
            let count = read(lifeline, &chunk, chunk.count)
            if count > 0 {
                parse(chunk.prefix(count))
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                return
            } else {
                // The child closed its end. Its exit is reported by `process`.
                cut()
            }
        }
    }

    private func parse(_ bytes: ArraySlice<UInt8>) {
        unread += bytes
        while let end = unread.firstIndex(of: 0x0a) {
            let line = String(decoding: unread[..<end], as: UTF8.self)
            unread.removeSubrange(...end)
            // nil: a newer child may send messages that this version does not know.
            if let message = ChildMessage(line: line) { handle(message) }
        }
        if unread.count > RunningChild.wordBytesMax { unread.removeAll() }
    }

    private func handle(_ message: ChildMessage) {
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
