internal import Configuration
internal import FoundationEssentials
internal import Glibc
internal import Linux

/// Takes the secrets out of the command line of this process, which every user of the machine may read (`ps`,
/// /proc/PID/cmdline). What the program has read of it before stays.
enum HiddenArguments {
    /// Overwrites the values of secret options with asterisks.
    static func hide() {
        let words = CommandLine.arguments
        for (index, length) in CommandLineReading.secrets(in: Array(words.dropFirst())) {
            guard let argument = ThisProcess.argument(index + 1) else { continue }
            let bytes = strlen(argument)
            // Bytes that are no UTF-8 are others in the text: then the whole word goes.
            let hidden = bytes == words[index + 1].utf8.count ? min(length, bytes) : bytes
            memset(argument + (bytes - hidden), Int32(UInt8(ascii: "*")), hidden)
        }
    }

    /// The command line as it is now, for a program that goes on with the service: it needs the options, which it is handed
    /// elsewhere, not their secrets.
    static var present: [String] {
        let line = FileManager.default.contents(atPath: "/proc/self/cmdline") ?? Data()
        let words = line.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        return words.isEmpty ? CommandLine.arguments : words.map { String(decoding: $0, as: UTF8.self) }
    }
}
