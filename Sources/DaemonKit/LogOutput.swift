internal import Foundation
internal import Glibc
public import Logging

/// How log lines look.
public enum LogFormat: String, Sendable {
    /// For people: time, level, process, message.
    case text
    /// One JSON object a line, for machines.
    case json
}

/// Makes every `Logger` of the process write to standard error (and to `file`), one `write` a line, so that the lines
/// of all processes of a service form one stream.
public enum LogOutput {
    /// Call once, first thing.
    /// - Parameters:
    ///   - process: who speaks: "supervisor", "shard 0", "collector", "gateway".
    ///   - file: a path that gets a copy of each line, opened for appending; nil = none.
    public static func start(
        process: String, format: LogFormat, level: Logger.Level, colors: Bool, file: String? = nil
    ) {
        var outputs: [Int32] = [STDERR_FILENO]
        if let file {
            let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
            if descriptor >= 0 { outputs.append(descriptor) }
        }
        let style = LineStyle(
            process: process, processID: getpid(), format: format, colors: colors && isatty(STDERR_FILENO) == 1)
        let descriptors = outputs
        LoggingSystem.bootstrap { _ in LineLogHandler(style: style, level: level, descriptors: descriptors) }
    }
}

struct LineStyle: Sendable {
    var process: String
    var processID: Int32
    var format: LogFormat
    var colors: Bool

    /// One line, with its newline.
    func line(time: timespec, level: Logger.Level, message: String, metadata: [(String, String)]) -> [UInt8] {
        switch format {
        case .text: Array(text(time, level, message, metadata).utf8)
        case .json: json(time, level, message, metadata)
        }
    }

    private func text(
        _ time: timespec, _ level: Logger.Level, _ message: String, _ metadata: [(String, String)]
    ) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        localtime_r(&seconds, &parts)
        let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        let millis = String(1000 + time.tv_nsec / 1_000_000).dropFirst()
        let who = "\(process)[\(processID)]"
        // A peer's text may stand in a message: nothing of it may look like a line or a terminal command of ours.
        let clean = String(String.UnicodeScalarView(message.unicodeScalars.map { isControl($0) ? "?" : $0 }))
        let extra = metadata.map { " \($0)=\($1)" }.joined()
        let name = level.rawValue.uppercased().padding(toLength: 7, withPad: " ", startingAt: 0)
        guard colors, let color = LineStyle.color(of: level) else {
            return "\(date) \(clock).\(millis) \(name) \(who) \(clean)\(extra)\n"
        }
        return "\u{1b}[90m\(date) \(clock).\(millis)\u{1b}[0m \(color)\(name)\u{1b}[0m \(who) \(clean)\(extra)\n"
    }

    private func json(
        _ time: timespec, _ level: Logger.Level, _ message: String, _ metadata: [(String, String)]
    ) -> [UInt8] {
        var fields: [String: String] = [
            "level": level.rawValue, "process": process, "message": message,
        ]
        for (key, value) in metadata where fields[key] == nil { fields[key] = value }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = JSONLine(
            time: Double(time.tv_sec) + Double(time.tv_nsec / 1_000_000) / 1000, pid: processID, fields: fields)
        return (try? encoder.encode(line)).map { Array($0) + [0x0a] } ?? []
    }

    private func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (scalar.value >= 0x7f && scalar.value < 0xa0)
    }

    private static func color(of level: Logger.Level) -> String? {
        switch level {
        case .trace, .debug: "\u{1b}[90m"
        case .info: nil
        case .notice: "\u{1b}[32m"
        case .warning: "\u{1b}[33m"
        case .error, .critical: "\u{1b}[31m"
        }
    }
}

private struct JSONLine: Encodable {
    var time: Double
    var pid: Int32
    var fields: [String: String]

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(time, forKey: Key(stringValue: "time"))
        try container.encode(pid, forKey: Key(stringValue: "pid"))
        for (key, value) in fields { try container.encode(value, forKey: Key(stringValue: key)) }
    }
}

struct LineLogHandler: LogHandler {
    let style: LineStyle
    let level: Logger.Level
    let descriptors: [Int32]
    var metadata: Logger.Metadata = [:]

    init(style: LineStyle, level: Logger.Level, descriptors: [Int32]) {
        self.style = style
        self.level = level
        self.descriptors = descriptors
    }

    var logLevel: Logger.Level {
        get { level }
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
        let line = style.line(time: now, level: event.level, message: "\(event.message)", metadata: pairs)
        for descriptor in descriptors { _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }
    }
}
