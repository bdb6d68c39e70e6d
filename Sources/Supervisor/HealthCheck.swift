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
            + "Exit codes: 0 it serves, 1 it does not, or the configuration cannot be used.",
        helpNames: .shortAndLong)

    @OptionGroup var options: CommandOptions

    func run() throws {
        let source = ConfigurationSource(options: CommandOptions.given().options)
        let resolution: Resolution
        do throws(StartFailure) {
            resolution = try source.resolve(in: Surroundings.ofThisProcess())
        } catch {
            HealthCheck.leave(saying: error.message)
        }
        guard let settings = resolution.settings else {
            HealthCheck.leave(saying: resolution.errors.map(\.description).joined(separator: "\n"))
        }
        guard let question = HealthQuestion(about: settings) else {
            HealthCheck.leave(saying: "no port to ask: the configuration leaves them to the system")
        }
        switch try HealthCheck.ask(question) {
        case .healthy:
            print("healthy")
        case .unhealthy(let reason):
            let address = Settings.Bind(host: question.host, port: question.port).name
            HealthCheck.leave(saying: "unhealthy: \(address): \(reason)")
        }
    }

    /// Whatever the cause, the code is 1: container tools know only healthy and that, and keep 2 for themselves.
    private static func leave(saying reason: String) -> Never {
        say(reason)
        DaemonKit.ExitCode.failed.exit()
    }

    private static func ask(_ question: HealthQuestion) throws -> HealthVerdict {
        let loop = try Loop()
        let probe = HealthProbe(on: loop, asking: question)
        probe.begin()
        loop.run()
        return probe.verdict ?? .unhealthy("no answer")
    }
}
