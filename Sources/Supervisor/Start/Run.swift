internal import ArgumentParser
internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging
internal import TLSHandshake

/// `millrace run`, the default verb: reads the configuration and runs the service until it is stopped.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the proxy.",
        usage: "millrace [run] [options]",
        discussion: """
            Reads config.json (xmrig-proxy's format), and runs in the foreground until it is stopped. Options override \
            the file, or replace it.

            Exit codes: 0 stopped as asked, 1 failed, 2 bad configuration, 3 every shard has failed, 4 an address or the run \
            directory is in use, 5 a program of the service is missing, 64 wrong command line.
            """,
        helpNames: .shortAndLong)

    @OptionGroup var options: CommandOptions

    func run() throws {
        let strangers = DescriptorHygiene.make()
        // The first use of OpenSSL in this process.
        _ = OpenSSLMemory.wipeWhenFreed()
        let entry = UpgradeEntry.ofThisProcess()
        let surroundings = Surroundings.ofThisProcess()
        switch entry {
        case .trial(let descriptor): UpgradeEntry.answer(descriptor, surroundings: surroundings)
        case .goOn(let descriptor): goOn(descriptor, surroundings: surroundings)
        case nil: break
        }
        let line = CommandOptions.given()
        let source = ConfigurationSource(options: line.options)
        let file: ConfigurationFile?
        var resolution: Resolution
        do throws(StartFailure) {
            (file, resolution) = try source.load(in: surroundings)
        } catch {
            say(error.message)
            error.exitCode.exit()
        }
        let fileWarnings = resolution.warnings
        resolution.warnings = line.warnings + fileWarnings
        if resolution.isDryRun || line.options.contains(where: { $0.name == "dry-run" }) { Run.show(resolution) }
        guard let settings = resolution.settings else {
            for finding in resolution.warnings + resolution.errors { say("\(finding)") }
            DaemonKit.ExitCode.badConfiguration.exit()
        }
        let log = Run.startLog(settings)
        for warning in resolution.warnings { log.warning("\(warning.logText)") }
        if let file, file.path == ConfigurationSource.documentPath(inRunDirectory: settings.runDirectory) {
            log.notice("\(file.path): received over the API earlier; options override it")
        }
        let configuration = RunningConfiguration(
            settings: settings, file: file, options: source.options, surroundings: surroundings,
            optionWarnings: line.warnings, warnings: fileWarnings)
        serve(configuration, inherited: nil, strangers: strangers, surroundings: surroundings, log: log).exit()
    }

    /// Continues the service of the program that ran in this process before.
    private func goOn(_ descriptor: Int32, surroundings: Surroundings) -> Never {
        do throws(StartFailure) {
            let inherited = try ServiceHandoff.read(from: descriptor)
            let configuration = try inherited.runningConfiguration(in: surroundings)
            let log = Run.startLog(configuration.settings)
            serve(
                configuration, inherited: inherited, strangers: inherited.strangers, surroundings: surroundings,
                log: log
            ).exit()
        } catch {
            say(error.message)
            error.exitCode.exit()
        }
    }

    private static func startLog(_ settings: Settings) -> Logger {
        LogOutput.start(
            process: "supervisor", format: settings.logFormat == .json ? .json : .text,
            level: settings.isVerbose ? .debug : .info, colors: settings.usesColors, file: settings.logFile,
            syslog: settings.usesSyslog, secrets: settings.secrets)
        return Logger(label: "supervisor")
    }

    /// `--dry-run`, or `"dry-run": true`: prints the findings and the resolved settings, and exits with the code that
    /// scripts check.
    private static func show(_ resolution: Resolution) -> Never {
        let certificate = CertificateReport(of: resolution.settings)
        let warnings = resolution.warnings + certificate.warnings
        for finding in warnings + resolution.errors + certificate.errors { say("\(finding)") }
        guard let settings = resolution.settings, certificate.errors.isEmpty else {
            DaemonKit.ExitCode.badConfiguration.exit()
        }
        for line in Summary.lines(of: settings) + certificate.lines { print(line) }
        let count = warnings.count
        print(
            count == 0
                ? "The configuration is valid."
                : "The configuration is valid, with \(count == 1 ? "1 warning" : "\(count) warnings").")
        DaemonKit.ExitCode.stopped.exit()
    }
}

/// The whole wiring of the supervisor.
private func serve(
    _ configuration: RunningConfiguration, inherited: ServiceHandoff?, strangers: [Int32],
    surroundings: Surroundings, log: Logger
) -> DaemonKit.ExitCode {
    var configuration = configuration
    let settings = configuration.settings
    let serviceManager = ServiceManager.inherited()
    do {
        let programs = try ChildPrograms(beside: surroundings.executable, environment: surroundings.environment)
        if inherited == nil { try programs.check(withGateway: settings.api != nil) }
        let runDirectory =
            try inherited.map { RunDirectory(resuming: settings.runDirectory, lock: $0.lock) }
            ?? RunDirectory(at: settings.runDirectory, log: log)
        defer { runDirectory.leave() }
        _ = DescriptorLimit.raise()
        Scheduling.letRunningFinish()
        let sockets =
            try inherited.map { try ShardSockets(adopting: $0.sockets) }
            ?? ShardSockets(binds: settings.binds, shards: settings.shards, log: log)
        log.notice("Millrace \(BuildInformation.version), \(BuildInformation.platform), libuv \(Loop.libuvVersion)")
        var shown = settings
        shown.binds = sockets.binds
        for line in Summary.lines(of: shown) { log.info("\(line)") }
        let certificate = try MinersCertificate(of: &configuration, isRunning: inherited != nil, log: log)

        let loop = try Loop(letsSignalsIn: inherited == nil)
        let run = ServiceRun(
            on: loop, configuration: configuration, certificate: certificate, sockets: sockets, programs: programs,
            executable: inherited?.executable ?? surroundings.startedAs(CommandLine.arguments.first),
            runDirectory: runDirectory, strangers: strangers, inherited: inherited, serviceManager: serviceManager,
            log: log)
        return try run.untilStopped()
    } catch let failure as StartFailure {
        log.critical("\(failure.message)")
        return failure.exitCode
    } catch {
        log.critical("\(error)")
        return .failed
    }
}

/// Why the service cannot start, for the operator.
struct StartFailure: Error {
    var exitCode: DaemonKit.ExitCode
    var message: String
}

/// Writes a line to standard error, for messages before the log is open.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
