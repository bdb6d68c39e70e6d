internal import ArgumentParser
internal import Configuration
internal import DaemonKit

/// The operator's command line. Each verb is a subcommand in a file of its own; without one the service runs.
@main struct Millrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "A sharded Stratum proxy for CryptoNote miners.",
        version: BuildInformation.version,
        subcommands: [
            Run.self, StatusVerb.self, WorkersVerb.self, ShardsVerb.self, RestartVerb.self, DrainVerb.self,
            ScaleVerb.self, ReloadVerb.self, UpgradeVerb.self, StopVerb.self, HealthCheck.self,
        ],
        defaultSubcommand: Run.self,
        // Not ours: so `millrace --help` is answered by the default verb, which has the options people look for.
        helpNames: [])

    static let verbs = configuration.subcommands.map { $0._commandName } + ["help"]

    static func main() {
        main(words(of: Array(CommandLine.arguments.dropFirst())))
    }

    /// What ArgumentParser is to see of a command line. `run` and `healthcheck` take xmrig-proxy's options, which
    /// `CommandLineReading` reads: of these lines it sees the verb, and whether help or the version is asked for.
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
    /// Its own: completion scripts and machine-readable help.
    private static let parserOptions = ["--generate-completion-script", "---completion", "--experimental-dump-help"]
}
