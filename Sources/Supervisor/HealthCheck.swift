internal import ArgumentParser
internal import Configuration
internal import DaemonKit
internal import EventLoop

/// `millrace healthcheck`: asks the service that this configuration describes whether it serves.
struct HealthCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask the running service whether it serves; for containers and monitors.",
        discussion: "Takes the configuration and options that the service was started with, to know where it listens: "
            + "asks its API, or connects to its miners' address when it has no API. "
            + "Exit codes: 0 it serves, 1 it does not, or the configuration cannot be used.")

    @OptionGroup var options: CommandOptions

    func run() throws {
        let resolution = ConfigurationSource(options: CommandOptions.given(in: CommandLine.arguments.dropFirst()))
            .resolve(in: Surroundings.ofThisProcess())
        // Not the code for a bad configuration: container tools know only healthy (0) and unhealthy (1).
        guard let settings = resolution.settings else {
            for finding in resolution.errors { say("\(finding)") }
            DaemonKit.ExitCode.failed.exit()
        }
        guard let question = HealthQuestion(about: settings) else {
            say("no port to ask: the configuration leaves them to the system")
            DaemonKit.ExitCode.failed.exit()
        }
        switch try HealthCheck.ask(question) {
        case .healthy:
            print("healthy")
        case .unhealthy(let reason):
            say("unhealthy: \(Settings.Bind(host: question.host, port: question.port).name): \(reason)")
            DaemonKit.ExitCode.failed.exit()
        }
    }

    private static func ask(_ question: HealthQuestion) throws -> HealthVerdict {
        let loop = try Loop()
        let probe = HealthProbe(on: loop, asking: question)
        probe.begin()
        loop.run()
        return probe.verdict ?? .unhealthy("no answer")
    }
}
