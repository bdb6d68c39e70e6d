internal import Glibc
public import Logging
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
    /// - Parameter file: one that was open already goes on, if it is the same.
    public static func change(format: LogFormat, level: Logger.Level, colors: Bool, file: String?) {
        guard let target = current.withLock({ $0 }) else { return }
        let former = target.way.file
        let failure = target.change(format: format, level: level, colors: colors, file: file)
        // One that is the same was not opened again, so nothing is known that was not known before.
        if failure != nil || file != former { note(failure, of: file) }
    }

    private static func note(_ failure: Int32?, of file: String?) {
        let text = failure.map { "\(file ?? "") cannot be opened: \(String(cString: strerror($0)))" }
        Degradation.set("log file", text)
    }

    /// Opens the path of the log file again: after a rotation that has renamed the file, lines go to the new one. A path
    /// that cannot be opened is reported in the log, and the former file stays in use.
    public static func reopen() {
        guard let target = current.withLock({ $0 }), let file = target.way.file else { return }
        note(target.reopen(), of: file)
    }

    /// Call once, first thing.
    /// - Parameters:
    ///   - process: who speaks: "supervisor", "shard 0", "collector", "gateway".
    ///   - file: a path that gets a copy of each line, opened for appending; nil = none. One that cannot be opened is
    ///     said in the log, and the process goes on without it.
    public static func start(
        process: String, format: LogFormat, level: Logger.Level, colors: Bool, file: String? = nil
    ) {
        let target = LogTarget(process: process, level: level)
        current.withLock { $0 = target }
        LoggingSystem.bootstrap { _ in LineLogHandler(target: target) }
        change(format: format, level: level, colors: colors, file: file)
    }
}

/// Where the lines of the process go, and how they look.
final class LogTarget: Sendable {
    struct Way: Sendable {
        var style: LineStyle
        var sinks: [LogSink]
        var file: String?
    }

    let threshold: LogThreshold
    private let state: Mutex<Way>

    init(process: String, level: Logger.Level) {
        threshold = LogThreshold(level)
        let style = LineStyle(process: process, processID: getpid(), format: .text, colors: false)
        state = Mutex(Way(style: style, sinks: [LogSink(descriptor: STDERR_FILENO)]))
    }

    var way: Way { state.withLock { $0 } }

    /// - Returns: the errno when the file cannot be opened, as the log says then.
    @discardableResult
    func change(format: LogFormat, level: Logger.Level, colors: Bool, file: String?) -> Int32? {
        threshold.level = level
        let failure = state.withLock { way in
            way.style.format = format
            way.style.colors = colors && isatty(STDERR_FILENO) == 1
            return way.open(file)
        }
        if let file, let failure {
            let reason = String(cString: strerror(failure))
            Logger(label: "log").error("log file \(file): \(reason); logging to standard error only")
        }
        return failure
    }

    @discardableResult
    func reopen() -> Int32? {
        let (file, failure) = state.withLock { way in (way.file, way.reopen()) }
        if let file, let failure {
            let reason = String(cString: strerror(failure))
            Logger(label: "log").error(
                "log file \(file): cannot be reopened: \(reason); still writing to the previous file")
        }
        return failure
    }
}

extension LogTarget.Way {
    /// - Returns: the errno when the file cannot be opened.
    mutating func open(_ path: String?) -> Int32? {
        guard path != file || sinks.count < 2 else { return nil }
        file = path
        sinks.removeSubrange(1...)
        return reopen()
    }

    /// Writes to what is at the path of the file now. The former descriptor is closed with its last user.
    /// - Returns: the errno when it cannot be opened.
    mutating func reopen() -> Int32? {
        guard let file else { return nil }
        let descriptor = Glibc.open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return errno }
        sinks.removeSubrange(1...)
        sinks.append(LogSink(descriptor: descriptor, closesIt: true))
        return nil
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
    private let closesIt: Bool
    private let dropped = Atomic<Int>(0)

    init(descriptor: Int32, closesIt: Bool = false) {
        self.descriptor = descriptor
        self.closesIt = closesIt
    }

    deinit {
        if closesIt { close(descriptor) }
    }

    /// - Parameter notice: makes the line that tells how many lines were lost.
    func write(_ line: [UInt8], notice: (Int) -> [UInt8]) {
        guard hasRoom else {
            dropped.add(1, ordering: .relaxed)
            return
        }
        let lost = dropped.exchange(0, ordering: .relaxed)
        if lost > 0 { put(notice(lost)) }
        put(line)
    }

    /// For a pipe: room for at least PIPE_BUF bytes, which is more than our longest line.
    private var hasRoom: Bool {
        var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&question, 1, 0) == 1
    }

    private func put(_ line: [UInt8]) {
        _ = line.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
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
        let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let way = target.way
        let line = way.style.line(time: now, level: event.level, message: "\(event.message)", metadata: pairs)
        for sink in way.sinks {
            sink.write(line) { lost in
                way.style.line(
                    time: now, level: .warning,
                    message: "\(counted(lost, "log line")) dropped: the reader of the log was too slow", metadata: [])
            }
        }
    }
}
