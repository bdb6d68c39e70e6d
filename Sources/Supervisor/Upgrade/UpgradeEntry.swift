internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Supervision

/// Why the supervisor of a running service executed this program: to check whether it can continue the service, or to
/// continue it. Its command line is that of the service in both cases.
enum UpgradeEntry: Equatable {
    /// An environment variable; its value is a word and the descriptor of the `ServiceHandoff`.
    private static let variable = "MILLRACE_UPGRADE"
    /// The prefix of a positive answer to a trial, before the version. An exit code of 0 is not enough: any program may
    /// exit with 0.
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

    /// Removes the variable from the environment, so that children do not see it.
    static func ofThisProcess() -> UpgradeEntry? {
        guard let value = getenv(variable) else { return nil }
        let text = String(cString: value)
        unsetenv(variable)
        return UpgradeEntry(environmentValue: text)
    }

    /// Answers a trial. Changes nothing of the service.
    static func answer(_ descriptor: Int32, surroundings: Surroundings) -> Never {
        do throws(StartFailure) {
            let handed = try ServiceHandoff.read(from: descriptor)
            let settings = try handed.runningConfiguration(in: surroundings).settings
            try MinersCertificate.check(settings, isInUse: handed.hasCertificate == true)
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
    /// Checks that the programs run on this machine: with its libraries and its processor.
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
                // In the same session, so that a supervisor that ends the trial ends them too.
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
    /// The path that this program was started by, if it leads to it; otherwise the path of its file. An upgrade
    /// executes the program that a symbolic link of this name then points to.
    /// - Parameter word: the first word of the command line, which can be any text.
    func startedAs(_ word: String?) -> String {
        guard let word, word.contains("/") else { return executable }
        let path = word.hasPrefix("/") ? word : currentDirectory + "/" + word
        guard let resolved = realpath(path, nil) else { return executable }
        defer { free(resolved) }
        return String(cString: resolved) == executable ? path : executable
    }
}
