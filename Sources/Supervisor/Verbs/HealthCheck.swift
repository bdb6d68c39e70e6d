internal import ArgumentParser
internal import Configuration
internal import Control
internal import DaemonKit
internal import EventLoop

/// `millrace healthcheck`: checks whether the service of this configuration serves.
struct HealthCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Check whether the running service serves; for containers and monitoring.",
        discussion:
            "Give it the configuration and options that the service was started with; they say where it listens. "
            + "Sends a request to the API or, without an API, connects to the miners' address. "
            + "With --ready, asks the supervisor whether a shard accepts miners and a pool connection is up. "
            + "Exit codes: 0 healthy, 1 unhealthy, or the configuration cannot be used.",
        helpNames: .shortAndLong)

    @Flag(help: "Healthy only if a shard accepts miners and a pool connection is up.") var ready = false
    @OptionGroup var options: CommandOptions

    /// Read here, because `CommandLineReading` reads the line before ArgumentParser does.
    private static let readyFlag = "--ready"

    func run() throws {
        let source = ConfigurationSource(options: CommandOptions.given(except: [HealthCheck.readyFlag]).options)
        let resolution: Resolution
        do throws(StartFailure) {
            resolution = try source.resolve(in: Surroundings.ofThisProcess())
        } catch {
            HealthCheck.leave(saying: error.message)
        }
        guard let settings = resolution.settings else {
            HealthCheck.leave(saying: resolution.errors.map(\.description).joined(separator: "\n"))
        }
        if CommandLine.arguments.contains(HealthCheck.readyFlag) {
            return HealthCheck.checkReadiness(runDirectory: settings.runDirectory)
        }
        guard let question = HealthQuestion(about: settings) else {
            HealthCheck.leave(saying: "no port to check: the configuration has only port 0 (any free port)")
        }
        switch try HealthCheck.ask(question) {
        case .healthy:
            print("healthy")
        case .unhealthy(let reason):
            let address = Settings.Bind(host: question.host, port: question.port).name
            HealthCheck.leave(saying: "unhealthy: \(address): \(reason)")
        }
    }

    private static func checkReadiness(runDirectory: String) {
        do throws(ControlFailure) {
            let client = ControlClient(runDirectory: runDirectory)
            guard
                case .status(let status) = try client.ask(
                    .status, timeoutMilliseconds: Int(HealthProbe.limitMillis))
            else { leave(saying: "not ready: unexpected answer of the service") }
            let missing = status.missingForMiners
            guard missing.isEmpty else { leave(saying: "not ready: missing: " + missing.joined(separator: ", ")) }
            print("ready")
        } catch {
            leave(saying: "not ready: \(error)")
        }
    }

    /// The code is 1 for every cause. Container tools know only 0 (healthy) and 1 (unhealthy), and reserve 2.
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

extension ServiceStatus {
    /// What new miners need and the service does not have, in the words of `/readyz`; empty when miners can work.
    var missingForMiners: [String] {
        let shards = children.filter { $0.kind == .shard }
        var missing: [String] = []
        if isStopping || !shards.contains(where: { $0.state == .ready }) {
            missing.append("a shard that accepts miners")
        }
        if !shards.contains(where: { ($0.upstreams ?? 0) > 0 }) { missing.append("a session with a pool") }
        return missing
    }
}
