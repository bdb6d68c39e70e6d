internal import ArgumentParser
internal import DaemonKit

/// The operator's command line. Each verb is a subcommand in a file of its own; without one the service runs.
@main struct Millrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "A sharded Stratum proxy for CryptoNote miners.",
        version: BuildInformation.version,
        subcommands: [
            Run.self, StatusVerb.self, ShardsVerb.self, RestartVerb.self, DrainVerb.self, ScaleVerb.self,
            ReloadVerb.self, UpgradeVerb.self, StopVerb.self, HealthCheck.self,
        ],
        defaultSubcommand: Run.self,
        // Not ours: so `millrace --help` is answered by the default verb, which has the options people look for.
        helpNames: [])
}
