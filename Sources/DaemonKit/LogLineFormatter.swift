internal import FoundationEssentials
internal import Glibc
internal import Logging

/// Formats a log event as one line.
struct LogLineFormatter: Sendable {
    /// A write to a pipe is atomic up to PIPE_BUF (4,096) bytes, so that lines of several processes do not mix. This
    /// limit leaves room for the rest of the line, and for escapes in JSON.
    static let messageBytesMax = 1_500

    var process: String
    var processID: Int32
    var format: LogFormat
    var colors: Bool

    /// One line, with its newline.
    func line(time: timespec, level: Logger.Level, message: String, metadata: [(String, String)]) -> [UInt8] {
        switch format {
        case .text: Array(text(time, level, shortened(message), metadata).utf8)
        case .json: json(time, level, shortened(message), metadata)
        }
    }

    private func text(
        _ time: timespec, _ level: Logger.Level, _ message: String, _ metadata: [(String, String)]
    ) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        localtime_r(&seconds, &parts)
        let stamp = LogLineFormatter.stamp(parts, milliseconds: time.tv_nsec / 1_000_000)
        let who = "\(process)[\(processID)]"
        let body = body(message, metadata)
        let word = level.rawValue.uppercased()
        // Padded to the longest, CRITICAL.
        let name = word + String(repeating: " ", count: max(8 - word.utf8.count, 0))
        guard colors, let color = LogLineFormatter.color(of: level) else {
            return "\(stamp) \(name) \(who) \(body)\n"
        }
        return "\u{1b}[90m\(stamp)\u{1b}[0m \(color)\(name)\u{1b}[0m \(who) \(body)\n"
    }

    /// A line of the system's log, which has time, level and process id of its own.
    func plain(_ message: String, _ metadata: [(String, String)]) -> String {
        "\(process): \(body(shortened(message), metadata))"
    }

    /// A message may contain text of a peer, which must not look like another line or a terminal command.
    private func body(_ message: String, _ metadata: [(String, String)]) -> String {
        withoutControls(message) + metadata.map { " \($0)=\(withoutControls(shortened($1)))" }.joined()
    }

    private func json(
        _ time: timespec, _ level: Logger.Level, _ message: String, _ metadata: [(String, String)]
    ) -> [UInt8] {
        var fields: [String: String] = [
            "level": level.rawValue, "process": process, "message": withoutInvisible(message),
        ]
        for (key, value) in metadata where fields[key] == nil && key != "time" && key != "pid" {
            fields[key] = withoutInvisible(shortened(value))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = JSONLine(
            time: Double(time.tv_sec) + Double(time.tv_nsec / 1_000_000) / 1000, pid: processID, fields: fields)
        return (try? encoder.encode(line)).map { Array($0) + [0x0a] } ?? []
    }

    /// ISO 8601 with the offset from UTC, "2026-11-29T23:40:12.345+01:00". The offset distinguishes the hour that is
    /// repeated at the end of daylight saving time.
    static func stamp(_ parts: tm, milliseconds: Int) -> String {
        let date = "\(parts.tm_year + 1900)-\(two(Int(parts.tm_mon) + 1))-\(two(Int(parts.tm_mday)))"
        let clock = "\(two(Int(parts.tm_hour))):\(two(Int(parts.tm_min))):\(two(Int(parts.tm_sec)))"
        let minutes = abs(parts.tm_gmtoff) / 60
        let offset = (parts.tm_gmtoff < 0 ? "-" : "+") + "\(two(minutes / 60)):\(two(minutes % 60))"
        return "\(date)T\(clock).\(String(1_000 + milliseconds).dropFirst())\(offset)"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private func shortened(_ text: String) -> String {
        guard text.utf8.count > LogLineFormatter.messageBytesMax else { return text }
        return String(decoding: text.utf8.prefix(LogLineFormatter.messageBytesMax), as: UTF8.self) + "…"
    }

    private func withoutControls(_ text: String) -> String {
        let visible = withoutInvisible(text)
        return String(String.UnicodeScalarView(visible.unicodeScalars.map { isControl($0) ? "?" : $0 }))
    }

    private func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (scalar.value >= 0x7f && scalar.value < 0xa0)
    }

    /// Escapes invisible characters, which can reorder or hide the characters around them: `\u{202e}`.
    private func withoutInvisible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isInvisible) else { return text }
        var visible = ""
        for scalar in text.unicodeScalars {
            if isInvisible(scalar) {
                visible += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }

    private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0xa0 else { return false }
        switch scalar.properties.generalCategory {
        case .format, .lineSeparator, .paragraphSeparator: return true
        default: return scalar.properties.isDefaultIgnorableCodePoint
        }
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
