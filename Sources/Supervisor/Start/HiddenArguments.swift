internal import Configuration
internal import FoundationEssentials
internal import Glibc
internal import Linux

/// Removes secrets from the command line of this process, which every user of the machine can read (`ps`,
/// /proc/PID/cmdline). Values that the program has read before are kept.
enum HiddenArguments {
    /// Overwrites the values of secret options with asterisks.
    static func hide() {
        let words = CommandLine.arguments
        for (index, length) in CommandLineReading.secrets(in: Array(words.dropFirst())) {
            guard let argument = ThisProcess.argument(index + 1) else { continue }
            let bytes = strlen(argument)
            // Invalid UTF-8 has another length in the decoded text. Then the whole word is overwritten.
            let hidden = bytes == words[index + 1].utf8.count ? min(length, bytes) : bytes
            memset(argument + (bytes - hidden), Int32(UInt8(ascii: "*")), hidden)
        }
    }

    /// The present command line, for a program that continues the service after an upgrade. It needs the options
    /// without their secrets; it gets the secrets in the `ServiceHandoff`.
    static var present: [String] {
        let line = FileManager.default.contents(atPath: "/proc/self/cmdline") ?? Data()
        let words = line.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        return words.isEmpty ? CommandLine.arguments : words.map { String(decoding: $0, as: UTF8.self) }
    }
}
