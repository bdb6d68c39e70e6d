internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Supervision

/// Why this program was executed, when it was by the supervisor of a running service: to say whether it could go on
/// with that service, or to do so. Its command line is that of the service in both cases.
enum UpgradeEntry: Equatable {
    /// The environment variable that says so; the value is a word and the descriptor of the `ServiceHandoff`.
    private static let variable = "MILLRACE_UPGRADE"
    /// How the answer to a trial begins that is favourable; the version follows. Any program may exit with 0.
    static let favour = "goes on: "

    case trial(Int32)
    case goOn(Int32)

    var environmentEntry: String {
        switch self {
        case .trial(let descriptor): "\(UpgradeEntry.variable)=try \(descriptor)"
        case .goOn(let descriptor): "\(UpgradeEntry.variable)=go \(descriptor)"
        }
    }

    init?(environmentValue: String) {
        let words = environmentValue.split(separator: " ")
        guard words.count == 2, let descriptor = Int32(words[1]), descriptor > STDERR_FILENO else { return nil }
        switch words[0] {
        case "try": self = .trial(descriptor)
        case "go": self = .goOn(descriptor)
        default: return nil
        }
    }

    /// Takes it out of the environment, so that no child believes it were meant.
    static func ofThisProcess() -> UpgradeEntry? {
        guard let value = getenv(variable) else { return nil }
        let text = String(cString: value)
        unsetenv(variable)
        return UpgradeEntry(environmentValue: text)
    }

    /// The answer to a trial. Nothing of the service is touched.
    static func answer(_ descriptor: Int32, surroundings: Surroundings) -> Never {
        do throws(StartFailure) {
            let handed = try ServiceHandoff.read(from: descriptor)
            let settings = try handed.runningConfiguration(in: surroundings).settings
            let withGateway = settings.api != nil
            let programs = try ChildPrograms(beside: surroundings.executable, environment: surroundings.environment)
            try programs.check(withGateway: withGateway)
            try programs.tryOut(withGateway: withGateway)
            print(favour + BuildInformation.version)
            DaemonKit.ExitCode.stopped.exit()
        } catch {
            say(error.message)
            error.exitCode.exit()
        }
    }
}

extension ChildPrograms {
    /// Finds out whether the programs run at all here: with the libraries, for the processor.
    fileprivate func tryOut(withGateway: Bool) throws(StartFailure) {
        var failures: [String] = []
        do throws(SystemFailure) {
            let loop = try Loop()
            var running: [ChildProcess] = []
            for child in [ChildName.collector, .shard(0)] + (withGateway ? [.gateway] : []) {
                let path = path(of: child)
                var command = ProcessCommand(
                    executable: path, arguments: [program(of: child), "--version"], environment: [],
                    descriptors: [nil, nil, STDERR_FILENO])
                // Whoever loses patience with us loses it with them.
                command.hasOwnSession = false
                running.append(
                    try ChildProcess(on: loop, command) { ending in
                        if ending != .exit(0) { failures.append("\(path): cannot run on this machine (\(ending))") }
                    })
            }
            loop.run()
        } catch {
            failures.append("the programs beside this one cannot be started: \(error)")
        }
        guard failures.isEmpty else {
            throw StartFailure(exitCode: .badInstallation, message: failures.joined(separator: "\n"))
        }
    }
}

extension Surroundings {
    /// The path under which this program was started, if it is one: where a link of that name points to another program
    /// tomorrow, that one is meant by an upgrade.
    /// - Parameter word: the first of the command line, which may say anything.
    func startedAs(_ word: String?) -> String {
        guard let word, word.contains("/") else { return executable }
        let path = word.hasPrefix("/") ? word : currentDirectory + "/" + word
        guard let resolved = realpath(path, nil) else { return executable }
        defer { free(resolved) }
        return String(cString: resolved) == executable ? path : executable
    }
}
