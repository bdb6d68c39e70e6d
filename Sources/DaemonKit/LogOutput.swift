internal import Glibc
public import Logging
internal import Secrets
internal import Synchronization

/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, process, message.
    case text
    /// One JSON object a line, for machines.
    case json
}

/// Makes every `Logger` of the process write to standard error (and to `file`), one `write` a line, so that the lines
/// of all processes of a service form one stream.
///
/// A reader of the log that has stopped reading must not stop the mining: a line for which there is no room at once is
/// dropped, and the next one that finds room is preceded by their number.
public enum LogOutput {
    /// That of `start`, for `change`.
    private static let current = Mutex<LogTarget?>(nil)

    /// From now on lines are written so; for processes whose settings change while they run.
    /// - Parameters:
    ///   - file: one that was open already goes on, if it is the same.
    ///   - secrets: shown as `***` wherever they stand in a line, such as in the words of a pool.
    public static func change(
        format: LogFormat, level: Logger.Level, colors: Bool, file: String?, secrets: [String] = []
    ) {
        current.withLock { $0 }?.change(
            format: format, level: level, colors: colors, file: file, secrets: SecretMask(secrets))
    }

    /// Opens the path of the log file again: after a rotation that has renamed the file, lines go to the new one. A path
    /// that cannot be opened is reported in the log, and the former file stays in use.
    /// - Returns: whether it is open.
    @discardableResult
    public static func reopen() -> Bool { current.withLock { $0 }?.reopen() ?? false }

    /// Waits until what was logged is written, but not for ever: before the process ends, or becomes another program.
    public static func flush() { current.withLock { $0 }?.flush() }

    /// Call once, first thing.
    /// - Parameters:
    ///   - process: who speaks: "supervisor", "shard 0", "collector", "gateway".
    ///   - file: a path that gets a copy of each line, opened for appending; nil = none. One that cannot be opened is
    ///     said in the log, and the process goes on without it.
    ///   - secrets: as for `change`.
    public static func start(
        process: String, format: LogFormat, level: Logger.Level, colors: Bool, file: String? = nil,
        secrets: [String] = []
    ) {
        let target = LogTarget(process: process, level: level, degraded: { Degradation.set("log file", $0) })
        current.withLock { $0 = target }
        LoggingSystem.bootstrap { _ in LineLogHandler(target: target) }
        change(format: format, level: level, colors: colors, file: file, secrets: secrets)
    }
}

/// Where the lines of the process go, and how they look.
final class LogTarget: Sendable {
    struct Way: Sendable {
        var style: LogLineFormatter
        var sinks: [LogSink]
        var file: String?
        /// Was not open in time, and may be yet.
        var pending: LogFile?
        var secrets = SecretMask([])
    }

    let threshold: LogThreshold
    private let state: Mutex<Way>
    private let degraded: @Sendable (String?) -> Void
    private let openFile: @Sendable (String) -> LogFile.Opening

    /// - Parameters:
    ///   - degraded: is told why there is no log file; nil when there is, or none is wanted.
    ///   - openFile: open(2), or something slower.
    init(
        process: String, level: Logger.Level, degraded: @escaping @Sendable (String?) -> Void = { _ in },
        openFile: @escaping @Sendable (String) -> LogFile.Opening = LogFile.openRegular
    ) {
        threshold = LogThreshold(level)
        self.degraded = degraded
        self.openFile = openFile
        let style = LogLineFormatter(process: process, processID: getpid(), format: .text, colors: false)
        state = Mutex(Way(style: style, sinks: [LogSink(descriptor: STDERR_FILENO)]))
    }

    var way: Way { state.withLock { $0 } }

    func change(
        format: LogFormat, level: Logger.Level, colors: Bool, file: String?, secrets: SecretMask = SecretMask([])
    ) {
        threshold.level = level
        let isOpen = state.withLock { way in
            way.pending = way.file == file ? way.pending : nil
            way.style.format = format
            way.style.colors = colors && isatty(STDERR_FILENO) == 1
            way.secrets = secrets
            if way.file == file, way.sinks.count > 1 || file == nil { return true }
            way.file = file
            way.sinks.removeSubrange(1...)
            return false
        }
        if isOpen { return }
        guard let file else { return degraded(nil) }
        if let failure = open(file) {
            Logger(label: "log").error("log file \(file): \(failure); logging to standard error only")
        }
    }

    @discardableResult
    func reopen() -> Bool {
        guard let file = way.file else { return false }
        if let failure = open(file) {
            Logger(label: "log").error(
                "log file \(file): cannot be reopened: \(failure); still writing to the previous file")
            return false
        }
        return true
    }

    func flush() { for sink in way.sinks { sink.flush() } }

    /// Writes to what is at the path now. A former file is closed when what was logged is written.
    /// - Returns: why not.
    private func open(_ path: String) -> String? {
        let (file, failure) = LogFile.open(path, with: openFile) { [weak self] in self?.openedLate($0, path, $1) }
        state.withLock { way in
            way.pending = failure == nil ? nil : file
            // Where there is no former one, lines wait in the queue of this one for a file system that is slow.
            if let file, failure == nil || file.isWaiting && way.sinks.count == 1 { way.use(file) }
        }
        degraded(failure.map { "\(path) cannot be opened: \($0)" })
        return failure
    }

    private func openedLate(_ file: LogFile, _ path: String, _ failure: String?) {
        let isWanted = state.withLock { way in
            // Another attempt has been made since, or another file is wanted.
            guard way.pending === file, way.file == path else { return false }
            way.pending = nil
            if failure == nil {
                way.use(file)
            } else {
                way.sinks.removeAll { $0.descriptor == file.descriptor }
            }
            return true
        }
        guard isWanted else { return }
        degraded(failure.map { "\(path) cannot be opened: \($0)" })
        if failure == nil { Logger(label: "log").notice("log file \(path): opened") }
    }
}

extension LogTarget.Way {
    mutating func use(_ file: LogFile) {
        sinks.removeSubrange(1...)
        sinks.append(LogSink(file: file))
    }
}

/// From which level on lines are written, by every logger of the process.
final class LogThreshold: Sendable {
    private let number: Atomic<Int>

    init(_ level: Logger.Level) {
        number = Atomic(LogThreshold.number(of: level))
    }

    var level: Logger.Level {
        get { Logger.Level.allCases[number.load(ordering: .relaxed)] }
        set { number.store(LogThreshold.number(of: newValue), ordering: .relaxed) }
    }

    private static func number(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}

/// A descriptor that lines go to, and how many found no room there.
final class LogSink: Sendable {
    let descriptor: Int32
    private let file: LogFile?
    private let dropped = Atomic<Int>(0)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        file = nil
    }

    init(file: LogFile) {
        descriptor = file.descriptor
        self.file = file
    }

    /// - Parameter notice: makes the line that tells how many lines were lost.
    func write(_ line: [UInt8], notice: (Int) -> [UInt8]) {
        guard hasRoom else {
            dropped.add(1, ordering: .relaxed)
            return
        }
        let lost = dropped.exchange(0, ordering: .relaxed)
        if lost > 0 { put(notice(lost)) }
        if !put(line) { dropped.add(1, ordering: .relaxed) }
    }

    func flush() { file?.flush() }

    /// For a pipe: room for at least PIPE_BUF bytes, which is more than our longest line.
    private var hasRoom: Bool {
        var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&question, 1, 0) == 1
    }

    /// - Returns: false when there was no room after all.
    @discardableResult
    private func put(_ line: [UInt8]) -> Bool {
        guard !line.isEmpty else { return true }
        return line.withUnsafeBytes { line in
            if file != nil {
                return send(descriptor, line.baseAddress, line.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0
            }
            _ = Glibc.write(descriptor, line.baseAddress, line.count)
            return true
        }
    }
}

struct LineLogHandler: LogHandler {
    let target: LogTarget
    var metadata: Logger.Metadata = [:]

    init(target: LogTarget) {
        self.target = target
    }

    var logLevel: Logger.Level {
        get { target.threshold.level }
        set {}  // one level for the whole process
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let way = target.way
        let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, way.secrets.masked("\($0.value)")) }
        let message = way.secrets.masked("\(event.message)")
        let line = way.style.line(time: now, level: event.level, message: message, metadata: pairs)
        for sink in way.sinks {
            sink.write(line) { lost in
                way.style.line(
                    time: now, level: .warning,
                    message: "\(counted(lost, "log line")) dropped: the reader of the log was too slow", metadata: [])
            }
        }
    }
}
