/// How a message can be malformed. The raw values are the words of `--bad`.
public enum HostileKind: String, CaseIterable, Sendable {
    /// Random bytes.
    case random
    /// A valid message with a few bytes changed.
    case flipped
    /// The beginning of a valid message.
    case cut
    /// Many valid messages at once, the last one truncated.
    case joined
    /// A value of an unexpected type.
    case types
    /// Numbers outside every range.
    case numbers
    /// Strings that are not text, or far too long.
    case text
    /// Arrays and objects nested thousands of levels deep.
    case nesting
    /// A line without an end.
    case long
}

/// Converts valid messages to malformed ones, which both sides of a proxy must survive. Pure, and repeatable with a
/// repeatable generator.
public struct HostileInput: Sendable {
    /// Far above any line limit, and below the send queue of a connection.
    public static let bytesMax = 200 * 1024

    private let kinds: [HostileKind]

    /// - Parameter kinds: the kinds to use; empty = all.
    public init(kinds: [HostileKind]) {
        self.kinds = kinds.isEmpty ? HostileKind.allCases : kinds
    }

    /// A malformed message of 1 to `bytesMax` bytes.
    /// - Parameter sample: a valid message including its newline, which most kinds modify.
    public func next(like sample: [UInt8], using generator: inout some RandomNumberGenerator) -> [UInt8] {
        let kind = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
        let message = HostileInput.make(kind, like: sample, using: &generator)
        return message.isEmpty ? [0x0a] : Array(message.prefix(HostileInput.bytesMax))
    }

    static func make(
        _ kind: HostileKind, like sample: [UInt8], using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        switch kind {
        case .random: random(using: &generator)
        case .flipped: flipped(sample, using: &generator)
        case .cut: Array(sample.prefix(Int.random(in: 0...max(0, sample.count - 2), using: &generator)))
        case .joined: joined(sample, using: &generator)
        case .types: replacing(in: sample, by: badTypes, using: &generator)
        case .numbers: replacing(in: sample, by: badNumbers, using: &generator)
        case .text: replacing(in: sample, by: badTexts, using: &generator)
        case .nesting: nested(using: &generator)
        case .long: [UInt8](repeating: 0x61, count: size(using: &generator))
        }
    }

    private static func random(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        let count = Int.random(in: 1...4_096, using: &generator)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } + [0x0a]
    }

    private static func flipped(_ sample: [UInt8], using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var message = sample
        for _ in 0..<Int.random(in: 1...8, using: &generator) where !message.isEmpty {
            message[Int.random(in: 0..<message.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        return message
    }

    private static func joined(_ sample: [UInt8], using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var message: [UInt8] = []
        for _ in 0..<Int.random(in: 2...50, using: &generator) { message += sample }
        message.removeLast(Int.random(in: 0...sample.count, using: &generator))
        return message
    }

    private static func nested(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        let isArray = Bool.random(using: &generator)
        let open: [UInt8] = isArray ? [0x5b] : Array("{\"params\":".utf8)
        let depth = size(using: &generator) / (open.count + 1)
        var message = [[UInt8]](repeating: open, count: depth).flatMap { $0 }
        if Bool.random(using: &generator) { message += [UInt8](repeating: isArray ? 0x5d : 0x7d, count: depth) }
        return message + [0x0a]
    }

    /// Sizes of all magnitudes up to the limit.
    private static func size(using generator: inout some RandomNumberGenerator) -> Int {
        let magnitude = Int.random(in: 4...17, using: &generator)
        return min(bytesMax, Int.random(in: 1 << magnitude...2 << magnitude, using: &generator))
    }
}

// MARK: - Wrong values

extension HostileInput {
    private static let badTypes: [[UInt8]] = [
        "null", "true", "false", "-1", "1.5", "\"\"", "[]", "{}", "\"7\"", "[1,2,3]", "{\"id\":1}", "", "nul", "'x'",
        "[null]", "\"\\u0000\"",
    ].map { (text: String) in Array(text.utf8) }

    private static let badNumbers: [[UInt8]] =
        [
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "18446744073709551615", "18446744073709551616", "1e999", "-1e999", "1e-999", "-0", "0.1", "00", "0x10",
            "+1",
            "NaN", "Infinity",
        ].map { (text: String) in Array(text.utf8) } + [[UInt8](repeating: 0x39, count: 5_000)]

    private static let badTexts: [[UInt8]] =
        [
            "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\\u0001\"", "\"\\x\"", "\"%s%n%d%x\"",
            "\"\u{202e}\u{feff}\"",
            "\"'; DROP TABLE workers; --\"", "\"<script>alert(1)</script>\"", "\"\\\\\\\"\"", "\"unfinished",
        ].map { (text: String) in Array(text.utf8) } + [
            [0x22, 0xff, 0xfe, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0x00, 0x22],
            [0x22, 0xf0, 0x9f],
            [0x22] + [UInt8](repeating: 0x66, count: 3_000) + [0x22],
            [0x22] + [UInt8](repeating: 0x41, count: 60_000) + [0x22],
        ]

    /// The sample with one of its values replaced. Samples have no commas and braces inside strings.
    private static func replacing(
        in sample: [UInt8], by values: [[UInt8]], using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        let value = values[Int.random(in: 0..<values.count, using: &generator)]
        let colons = sample.indices.filter { sample[$0] == 0x3a }
        guard !colons.isEmpty else { return value + [0x0a] }
        let start = colons[Int.random(in: 0..<colons.count, using: &generator)] + 1
        var end = start
        while end < sample.count, ![0x2c, 0x7d, 0x0d, 0x0a].contains(sample[end]) { end += 1 }
        return sample[..<start] + value + sample[end...]
    }
}
