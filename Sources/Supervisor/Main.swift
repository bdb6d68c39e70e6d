internal import ArgumentParser
internal import DaemonKit

/// The operator's command line. Each verb is a subcommand in a file of its own; without one the service runs.
@main struct Millrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "A sharded Stratum proxy for CryptoNote miners.",
        discussion: """
            Reads config.json (xmrig-proxy's format) and runs until it is stopped. In short:
              millrace --config config.json
              millrace -o pool.example:3333 -u WALLET -b 0.0.0.0:3333 --http-port 8080
            """,
        version: BuildInformation.version,
        subcommands: [Run.self, HealthCheck.self],
        defaultSubcommand: Run.self)
}
