import ArgumentParser
import Configuration
import DaemonKit
import Testing

@testable import Supervisor

struct CommandOptionsTests {
    /// ArgumentParser has no list of its options, but its help shows all of them.
    private static let helpNames: Set<Substring> = Set(
        CommandOptions.helpMessage(columns: 400).matches(of: /--([a-z0-9-]+)[ ,\n]/).map(\.1))

    private enum Spelling: CaseIterable { case long, longWithEqualSign, short, joined, shortWithEqualSign }

    private func words(of option: KnownOption, _ spelling: Spelling) -> [String] {
        let long = "--\(option.name)"
        guard option.valueName != nil else { return [option.short.map { "-\($0)" } ?? long] }
        let short = option.short.map { "-\($0)" }
        return switch spelling {
        case .long: [long, "7"]
        case .longWithEqualSign: [long + "=7"]
        case .short: [short ?? long, "7"]
        case .joined: short.map { [$0 + "7"] } ?? [long, "7"]
        case .shortWithEqualSign: [(short ?? long) + "=7"]
        }
    }

    @Test func everyKnownOptionIsDeclaredAndReadAlikeInEachSpelling() throws {
        let all = KnownOption.all.map { GivenOption($0.name, $0.valueName == nil ? nil : "7") }
        for spelling in Spelling.allCases {
            // One line with all options: ArgumentParser needs its time per line, and its error names the option.
            let line = KnownOption.all.flatMap { words(of: $0, spelling) }
            _ = try CommandOptions.parse(line)
            #expect(CommandLineReading(line).options == all)
        }
        for option in KnownOption.all { #expect(CommandOptionsTests.helpNames.contains(option.name[...])) }
    }

    @Test func nothingIsDeclaredThatTheTableDoesNotKnow() {
        // Two help texts mention options of the table. `help` is ArgumentParser's own.
        for name in CommandOptionsTests.helpNames where name != "help" {
            #expect(KnownOption.named(String(name)) != nil, "--\(name)")
        }
    }

    @Test func optionsOfAPoolKeepTheirPlace() throws {
        let line = ["-o", "a:1", "-u", "x", "--url=b:2", "-kp", "secret", "-O", "c:d"]
        let parsed = try CommandOptions.parse(line)
        #expect(parsed.pools.url == ["a:1", "b:2"])
        #expect(
            CommandLineReading(line).options == [
                GivenOption("url", "a:1"), GivenOption("user", "x"), GivenOption("url", "b:2"),
                GivenOption("keepalive"), GivenOption("pass", "secret"), GivenOption("userpass", "c:d"),
            ])
    }

    @Test func anOptionTwiceIsNoMistakeAndTheLastOneCounts() throws {
        let line = ["--retries", "3", "--verbose", "--verbose", "--retries", "4", "-k", "-k"]
        #expect(try CommandOptions.parse(line).pools.retries == "4")
        #expect(CommandLineReading(line).options.last { $0.name == "retries" }?.value == "4")
    }

    @Test(arguments: [
        (["-V"], ["--version"]), (["-o", "p:1", "--help"], ["--help"]), (["-h"], ["--help"]), (["-o", "p:1"], []),
        (["--frobnicate", "4", "-p", ""], []), (["run", "--vers"], ["--version"]),
        (["run", "-k", "-h"], ["run", "--help"]),
        (["healthcheck", "-o", "p:1"], ["healthcheck"]), (["restart", "1", "--json"], ["restart", "1", "--json"]),
        (["status", "--help"], ["status", "--help"]), (["help", "stop"], ["help", "stop"]),
        (["--generate-completion-script", "bash"], ["--generate-completion-script", "bash"]),
        (["--experimental-dump-help"], ["--experimental-dump-help"]),
    ])
    func theParserSeesCommandsAndQuestions(_ line: [String], _ seen: [String]) {
        #expect(Millrace.words(of: line) == seen)
    }

    @Test func theCommandsAreThese() {
        #expect(
            Millrace.verbs == [
                "run", "status", "workers", "shards", "restart", "drain", "scale", "rebalance", "bans", "unban",
                "reload", "upgrade",
                "stop", "healthcheck", "help",
            ])
    }

    private func help(_ line: [String]) throws -> String {
        let error = try #require(throws: (any Error).self) {
            var command = try Millrace.parseAsRoot(line)
            try command.run()
        }
        #expect(Millrace.exitCode(for: error) == .success)
        return Millrace.fullMessage(for: error)
    }

    @Test(arguments: [["--help"], ["-h"], ["help"], ["-o", "a", "--help"]])
    func helpWithoutACommandIsTheOverviewOfThem(_ line: [String]) throws {
        let help = try help(Millrace.words(of: line))
        for verb in Millrace.verbs where verb != "help" { #expect(help.contains("\n  \(verb) "), "\(verb)") }
        for part in ["config.json", "~/.xmrig-proxy.json", "millrace run --help", "--version"] {
            #expect(help.contains(part), "\(part)")
        }
        #expect(!help.contains("--http-port PORT"))
    }

    @Test(arguments: [["run", "--help"], ["run", "-h"], ["help", "run"]])
    func theHelpOfRunHasTheOptions(_ line: [String]) throws {
        let help = try help(line)
        for part in ["--url", "--http-port", "--dry-run", "Exit codes"] { #expect(help.contains(part), "\(part)") }
    }

    @Test(arguments: [["healthcheck", "--help"], ["help", "healthcheck"]])
    func theOtherVerbHasAHelpOfItsOwn(_ line: [String]) throws {
        let error = try #require(throws: (any Error).self) {
            var command = try Millrace.parseAsRoot(line)
            try command.run()
        }
        #expect(Millrace.fullMessage(for: error).contains("USAGE: millrace healthcheck"))
    }

    @Test func theHelpHasEachGroupAsATitle() {
        let help = CommandOptions.helpMessage(columns: 120)
        for group in KnownOption.Group.allCases { #expect(help.uppercased().contains(group.rawValue.uppercased())) }
    }
}
