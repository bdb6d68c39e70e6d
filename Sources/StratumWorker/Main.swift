internal import ArgumentParser
internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Handover
internal import Logging

/// `millrace-worker`: one shard. Started by `millrace`, which hands it its settings and sockets.
@main
struct Main: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace-worker",
        abstract: "One shard of Millrace: miners on one side, pools on the other.",
        discussion: "millrace starts as many of these as its configuration asks for; it is of no use by hand.",
        version: BuildInformation.version)

    func run() throws {
        let inheritance = Inheritance.take(program: "millrace-worker")
        let settings = inheritance.settings
        LogOutput.start(
            process: "shard \(inheritance.shard ?? 0)", format: inheritance.logsJSON ? .json : .text,
            level: settings.isVerbose ? .debug : .info, colors: settings.usesColors, file: settings.logFile)
        let log = Logger(label: "worker")
        do {
            _ = DescriptorLimit.raise()
            // Before anything makes a thread.
            if let legacy = inheritance.legacy { try Anchor.drop(on: legacy.anchor) }
            var lifeline = Lifeline(descriptor: Lifeline.inheritedDescriptor)
            let standing = try Standing.ofThisProcess(inheritance, &lifeline)
            let worker = try Worker(inheritance, standing, lifeline, log: log)
            try worker.run()
            // Not by the way of main: its exit would wait for a host name that nobody answers for.
            ExitCode.stopped.exitNow()
        } catch {
            log.critical("cannot start: \(error)")
            ExitCode.failed.exit()
        }
    }
}
