internal import Glibc
public import Logging
internal import Secrets
internal import Synchronization

/// The format of log lines.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, process, message.
    case text
    /// One JSON object per line, for programs.
    case json
}

/// Makes every `Logger` of the process write to standard error (and to `file`), with one `write` per line, so that the
/// lines of all processes of a service form one stream.
///
/// A reader of the log that has stopped reading must not stop the mining. A line that cannot be written at once is
/// dropped; the next line that can be written is preceded by the number of dropped lines.
public enum LogOutput {
    /// The target that `start` made, for `change`.
    private static let current = Mutex<LogTarget?>(nil)

    /// Changes the output of a running process.
    /// - Parameters:
    ///   - file: stays open if it is the same.
    ///   - syslog: lines go to the system's log too.
    ///   - secrets: replaced by `***` wherever they occur in a line, such as in text of a pool.
    public static func change(
        format: LogFormat, level: Logger.Level, colors: Bool, file: String?, syslog: Bool = false,
        secrets: [String] = []
    ) {
        current.withLock { $0 }?.change(
            format: format, level: level, colors: colors, file: file, systemLog: syslog ? SystemLog.standardPath : nil,
            secrets: SecretMask(secrets))
    }

    /// Opens the path of the log file again: after a log rotation, lines go to the new file. If that fails, the error
    /// is logged and the previous file stays in use.
    /// - Returns: whether the file is open.
    @discardableResult
    public static func reopen() -> Bool { current.withLock { $0 }?.reopen() ?? false }

    /// Waits, for a limited time, until all lines are written. For the end of the process, or before it executes
    /// another program.
    public static func flush() { current.withLock { $0 }?.flush() }

    /// Call once, before anything is logged.
    /// - Parameters:
    ///   - process: the name in each line: "supervisor", "shard 0", "collector", "gateway".
    ///   - file: a path that gets a copy of each line, opened for appending; nil for none. If it cannot be opened, that
    ///     is logged, and the process continues without it.
    ///   - syslog, secrets: as for `change`.
    public static func start(
        process: String, format: LogFormat, level: Logger.Level, colors: Bool, file: String? = nil,
        syslog: Bool = false, secrets: [String] = []
    ) {
        let target = LogTarget(process: process, level: level, degraded: { Degradation.set("log file", $0) })
        current.withLock { $0 = target }
        LoggingSystem.bootstrap { _ in LineLogHandler(target: target) }
        change(format: format, level: level, colors: colors, file: file, syslog: syslog, secrets: secrets)
    }
}

/// The outputs of the process's log lines, and their format.
final class LogTarget: Sendable {
    struct Way: Sendable {
        var style: LogLineFormatter
        var sinks: [LogSink]
        var file: String?
        /// A file that was not open in time, and may be opened later.
        var pending: LogFile?
        /// nil = lines do not go there.
        var systemLog: SystemLog?
        var secrets = SecretMask([])
    }

    let threshold: LogThreshold
    private let state: Mutex<Way>
    private let degraded: @Sendable (String?) -> Void
    private let openFile: @Sendable (String) -> LogFile.Opening

    /// - Parameters:
    ///   - degraded: called with the reason why there is no log file; nil when there is one, or none is configured.
    ///   - openFile: open(2), or a slower substitute for tests.
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
        format: LogFormat, level: Logger.Level, colors: Bool, file: String?, systemLog: String? = nil,
        secrets: SecretMask = SecretMask([])
    ) {
        threshold.level = level
        useSystemLog(systemLog)
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

    private func useSystemLog(_ path: String?) {
        guard path != way.systemLog?.path else { return }
        let systemLog = path.map { SystemLog(path: $0) }
        state.withLock { $0.systemLog = systemLog }
        guard let path, let failure = systemLog?.connect() else { return }
        Logger(label: "log").error("syslog: \(path): \(failure); trying again with each line")
    }

    /// Switches to the file at the path. The previous file is closed when its lines are written.
    /// - Returns: the reason if that fails.
    private func open(_ path: String) -> String? {
        let (file, failure) = LogFile.open(path, with: openFile) { [weak self] in self?.openedLate($0, path, $1) }
        state.withLock { way in
            way.pending = failure == nil ? nil : file
            // Without a previous file, lines wait in the queue of this one while the file system is slow.
            if let file, failure == nil || file.isWaiting && way.sinks.count == 1 { way.use(file) }
        }
        degraded(failure.map { "\(path) cannot be opened: \($0)" })
        return failure
    }

    private func openedLate(_ file: LogFile, _ path: String, _ failure: String?) {
        let isWanted = state.withLock { way in
            // Another attempt was made since, or another file is configured.
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

/// The lowest level that is written, for all loggers of the process.
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

/// A descriptor for log lines, with the number of lines dropped there.
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

    /// - Parameter notice: makes the line that reports the number of dropped lines.
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

    /// For a pipe: room for at least PIPE_BUF bytes, more than the longest line.
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
        way.systemLog?.write(
            way.style.plain(message, pairs), level: event.level, process: way.style.processID, time: now.tv_sec)
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
