internal import ArgumentParser
internal import Configuration
internal import Control
internal import DaemonKit

/// The options that select the running service for a verb.
struct ServiceAddress: ParsableArguments {
    @Option(name: .known("config"), help: "The configuration file that the service was started with.")
    var config: String?
    @Option(name: .known("data-dir"), help: .known("data-dir")) var dataDirectory: String?
    @Option(
        name: .known("run-dir"),
        help: "The service's run directory, instead of --config. Without both: MILLRACE_RUN_DIR, if set.")
    var runDirectory: String?
    @Flag(help: "Print one JSON object, for scripts.") var json = false

    /// A client of that service. Exits with code 2 and an error message when the service is not specified.
    func client() -> ControlClient { ControlClient(runDirectory: directory()) }

    /// The run directory of that service; exits like `client`.
    func directory() -> String {
        let surroundings = Surroundings.ofThisProcess()
        if let directory = directoryOfEnvironment(surroundings) { return directory }
        var options = CommandLineReading(CommandLine.arguments.dropFirst()).options
        // Only the run directory matters here. A missing file is not an error: then the default run directory is used.
        if runDirectory != nil { options.removeAll { $0.name == "config" } }
        let source = ConfigurationSource(options: options)
        do throws(StartFailure) {
            let resolution =
                config == nil || runDirectory != nil
                ? try source.loadIfAny(in: surroundings, readsFile: runDirectory == nil)
                : try source.load(in: surroundings).resolution
            if let directory = resolution.runDirectory { return directory }
            for error in resolution.errors { say("\(error)") }
            say("choose a service with --run-dir DIR")
        } catch {
            say(error.message)
        }
        DaemonKit.ExitCode.badConfiguration.exit()
    }

    /// For a shell in which all verbs address the same service.
    private static let variable = "MILLRACE_RUN_DIR"

    private func directoryOfEnvironment(_ surroundings: Surroundings) -> String? {
        guard config == nil, runDirectory == nil, let directory = surroundings.environment[ServiceAddress.variable],
            !directory.isEmpty
        else { return nil }
        return directory.hasPrefix("/") ? directory : surroundings.currentDirectory + "/" + directory
    }

    /// Sends a request and returns the reply; exits with code 3 when the service does not answer.
    func ask(_ request: ControlRequest, of client: ControlClient) -> ControlReply {
        do throws(ControlFailure) {
            return try client.ask(request, timeoutMilliseconds: ServiceAddress.patienceMillis)
        } catch {
            leave(unanswered(error))
        }
    }

    /// The outcome of a request without a reply. It names other services that were found.
    func unanswered(_ failure: ControlFailure) -> VerbOutcome {
        var lines = [failure.description]
        if case .noService(let path, _) = failure {
            let surroundings = Surroundings.ofThisProcess()
            let parents = FoundServices.parents(environment: surroundings.environment, userID: surroundings.userID)
            let directory = path.dropLast(ControlLine.socketName.count + 1)
            lines += FoundServices.lines(in: parents, except: String(directory))
        }
        return VerbOutcome(.noService, lines: lines)
    }

    /// A supervisor answers within a millisecond, and within seconds when it writes a configuration to a slow disk.
    static let patienceMillis = 10_000

    /// Prints the outcome and exits with its code.
    func leave(_ outcome: VerbOutcome) -> Never {
        if json {
            print(outcome.json)
        } else {
            for line in outcome.lines { outcome.result == .done ? print(line) : say(line) }
        }
        outcome.result.exitCode.exit()
    }
}

/// The result of a verb.
struct VerbOutcome: Equatable {
    enum Result: String {
        case done
        case refused
        /// The operation was started and failed.
        case failed
        case noService = "no service"

        var exitCode: DaemonKit.ExitCode {
            switch self {
            case .done: .stopped
            case .refused, .failed: .failed
            // The code for "every shard has failed": there is no service.
            case .noService: .childFailed
            }
        }
    }

    var result: Result
    /// Messages for the operator.
    var lines: [String]

    init(_ result: Result, lines: [String]) {
        self.result = result
        self.lines = lines
    }

    /// {"lines":["…"],"result":"refused"}
    var json: String { JSONLine.of(["lines": .texts(lines), "result": .text(result.rawValue)]) }

    /// The outcome of a reply, for a verb that expects no data.
    init(_ reply: ControlReply, done: [String]) {
        switch reply {
        case .done, .begun: self.init(.done, lines: done)
        case .refused(let refusal): self.init(.refused, lines: refusal.lines)
        case .status, .configuration, .bans: self.init(.failed, lines: ["unexpected answer of the service"])
        }
    }
}
