internal import ArgumentParser
internal import Configuration
internal import DaemonKit

/// The command line of the operator. Each verb is a subcommand in its own file; without a verb the service runs.
@main struct Millrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "A sharded Stratum proxy for CryptoNote miners.",
        usage: """
            millrace [run] [options]
            millrace COMMAND [--config FILE | --run-dir DIR] [options]
            """,
        discussion: """
            Without a command the proxy runs, in the foreground, until it is stopped:
              millrace --config config.json
              millrace -o pool.example:3333 -u WALLET -b 0.0.0.0:3333 --http-port 8080
              millrace --config config.json --dry-run

            The configuration is xmrig-proxy's config.json. Without --config and --url the first of these is used: config.json \
            beside the program, config.json in the current directory, ~/.config/millrace/config.json, ~/.xmrig-proxy.json, \
            ~/.config/xmrig-proxy.json, /etc/millrace/config.json. The other commands find the running service by the same \
            file, or by --run-dir.

            millrace run --help lists the options, millrace COMMAND --help those of a command.
            """,
        version: BuildInformation.text,
        subcommands: [
            Run.self, StatusVerb.self, WorkersVerb.self, ShardsVerb.self, RestartVerb.self, DrainVerb.self,
            ScaleVerb.self, RebalanceVerb.self, BansVerb.self, UnbanVerb.self, ReloadVerb.self, UpgradeVerb.self,
            StopVerb.self, HealthCheck.self,
        ],
        defaultSubcommand: Run.self, helpNames: .shortAndLong)

    static let verbs = configuration.subcommands.map { $0._commandName } + ["help"]

    static func main() {
        let line = words(of: Array(CommandLine.arguments.dropFirst()))
        HiddenArguments.hide()
        if line == ["--version"] { Versions.show() }
        main(line)
    }

    /// The part of a command line that ArgumentParser parses. `run` and `healthcheck` accept xmrig-proxy's options,
    /// which `CommandLineReading` reads; of these lines ArgumentParser sees only the verb and a request for help or the
    /// version.
    static func words(of line: [String]) -> [String] {
        let verb = line.first.flatMap { verbs.contains($0) ? $0 : nil }
        let isOfParser = line.contains { word in parserOptions.contains { word.hasPrefix($0) } }
        guard !isOfParser, verb == nil || optionVerbs.contains(verb ?? "") else { return line }
        switch CommandLineReading(line, verbs: verbs).question {
        case .help: return (verb.map { [$0] } ?? []) + ["--help"]
        case .version: return ["--version"]
        case nil: return verb.map { [$0] } ?? []
        }
    }

    private static let optionVerbs = [Run.self, HealthCheck.self].map { ($0 as any ParsableCommand.Type)._commandName }
    /// Options of ArgumentParser: completion scripts and machine-readable help.
    private static let parserOptions = ["--generate-completion-script", "---completion", "--experimental-dump-help"]
}
