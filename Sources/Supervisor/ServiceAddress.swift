internal import ArgumentParser
internal import Configuration
internal import Control
internal import DaemonKit

/// The options by which a verb finds the running service that it means.
struct ServiceAddress: ParsableArguments {
    @Option(name: .known("config"), help: "The configuration file that the service was started with.")
    var config: String?
    @Option(name: .known("data-dir"), help: .known("data-dir")) var dataDirectory: String?
    @Option(
        name: .known("run-dir"),
        help: "The service's run directory, instead of --config. Without both: MILLRACE_RUN_DIR, if set.")
    var runDirectory: String?
    @Flag(help: "Print one JSON object, for scripts.") var json = false

    /// The client of that service. Leaves with a word and exit code 2 when nothing says which one it is.
    func client() -> ControlClient { ControlClient(runDirectory: directory()) }

    /// The run directory of that service; leaves like `client`.
    func directory() -> String {
        let surroundings = Surroundings.ofThisProcess()
        if let directory = directoryOfEnvironment(surroundings) { return directory }
        var options = CommandLineReading(CommandLine.arguments.dropFirst()).options
        // Only where it runs matters here. No file at all is no mistake: the usual place is meant then.
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

    /// For a shell in which all verbs mean one service.
    private static let variable = "MILLRACE_RUN_DIR"

    private func directoryOfEnvironment(_ surroundings: Surroundings) -> String? {
        guard config == nil, runDirectory == nil, let directory = surroundings.environment[ServiceAddress.variable],
            !directory.isEmpty
        else { return nil }
        return directory.hasPrefix("/") ? directory : surroundings.currentDirectory + "/" + directory
    }

    /// The answer to a question; leaves with exit code 3 when nobody gives one.
    func ask(_ request: ControlRequest, of client: ControlClient) -> ControlReply {
        do throws(ControlFailure) {
            return try client.ask(request, timeoutMilliseconds: ServiceAddress.patienceMillis)
        } catch {
            var lines = [error.description]
            if case .noService(let path, _) = error {
                let surroundings = Surroundings.ofThisProcess()
                let parents = FoundServices.parents(
                    environment: surroundings.environment, userID: surroundings.userID)
                let directory = path.dropLast(ControlLine.socketName.count + 1)
                lines += FoundServices.lines(in: parents, except: String(directory))
            }
            leave(VerbOutcome(.noService, lines: lines))
        }
    }

    /// The supervisor answers in a millisecond, and within seconds when its disk is slow to take a configuration.
    static let patienceMillis = 10_000

    /// Says how it went, and ends with the exit code of that.
    func leave(_ outcome: VerbOutcome) -> Never {
        if json {
            print(outcome.json)
        } else {
            for line in outcome.lines { outcome.result == .done ? print(line) : say(line) }
        }
        outcome.result.exitCode.exit()
    }
}

/// How a verb went.
struct VerbOutcome: Equatable {
    enum Result: String {
        case done
        case refused
        /// It was begun and did not come to a good end.
        case failed
        case noService = "no service"

        var exitCode: DaemonKit.ExitCode {
            switch self {
            case .done: .stopped
            case .refused, .failed: .failed
            // The number of "no shard could be kept alive": there is no service.
            case .noService: .childFailed
            }
        }
    }

    var result: Result
    /// For people.
    var lines: [String]

    init(_ result: Result, lines: [String]) {
        self.result = result
        self.lines = lines
    }

    /// {"lines":["…"],"result":"refused"}
    var json: String { JSONLine.of(["lines": .texts(lines), "result": .text(result.rawValue)]) }

    /// What a reply amounts to for a verb that expects no data.
    init(_ reply: ControlReply, done: [String]) {
        switch reply {
        case .done, .begun: self.init(.done, lines: done)
        case .refused(let refusal): self.init(.refused, lines: refusal.lines)
        case .status, .configuration, .bans: self.init(.failed, lines: ["unexpected answer of the service"])
        }
    }
}
