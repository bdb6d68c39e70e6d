internal import Configuration
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Continuity
internal import Logging
internal import StratumProtocol

/// `millrace-worker`: one shard, miners on one side, pools on the other. Started by `millrace`, which hands it its settings and
/// sockets.
@main enum Main {
    static func main() {
        let launchContext = LaunchContext.inherited(program: "millrace-worker") {
            [
                "libuv \(Loop.libuvVersion)", "libzmq \(BusContext.zeroMQVersion)",
                "simdjson \(JSONParser.libraryVersion)",
            ]
        }
        let settings = launchContext.settings
        LogOutput.start(
            process: "shard \(launchContext.shard ?? 0)", format: launchContext.logsJSON ? .json : .text,
            level: settings.isVerbose ? .debug : .info, colors: settings.usesColors, file: settings.logFile,
            secrets: settings.secrets)
        let log = Logger(label: "worker")
        do {
            _ = DescriptorLimit.raise()
            // First of all: its memory is a copy of ours, and small now.
            let anchor = try launchContext.succession.map { try Anchor.drop(on: $0.anchor) }
            var lifeline = Lifeline(descriptor: Lifeline.inheritedDescriptor)
            let standing = try StartRole.ofThisProcess(launchContext, &lifeline)
            let worker = try Worker(launchContext, standing, lifeline, anchor, log: log)
            try worker.run()
            // Not by the way of main: its exit would wait for a host name that nobody answers for.
            ExitCode.stopped.exitNow()
        } catch {
            log.critical("cannot start: \(error)")
            ExitCode.failed.exit()
        }
    }
}
