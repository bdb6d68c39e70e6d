internal import Continuity
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Logging
internal import StratumProtocol
internal import TLSHandshake

/// `millrace-worker`: one shard, with miners on one side and pools on the other. `millrace` starts it with its settings
/// and sockets.
@main enum Main {
    static func main() {
        let launchContext = ChildProgram.worker.begin {
            [
                "libuv \(Loop.libuvVersion)", "libzmq \(BusContext.zeroMQVersion)",
                "simdjson \(JSONParser.libraryVersion)", "openssl \(OpenSSLMemory.libraryVersion)",
            ]
        }
        // The first use of OpenSSL in this process.
        _ = OpenSSLMemory.wipeWhenFreed()
        let log = Logger(label: "worker")
        do {
            _ = DescriptorLimit.raise()
            // Started first, because its memory is a copy of this process, which is small now.
            let anchor = try launchContext.succession.map { try Anchor.drop(on: $0.anchor) }
            var lifeline = Lifeline(descriptor: Lifeline.inheritedDescriptor)
            let standing = try StartRole.ofThisProcess(launchContext, &lifeline)
            let worker = try Worker(launchContext, standing, lifeline, anchor, log: log)
            try worker.run()
            // A normal exit would wait for a running name lookup.
            ExitCode.stopped.exitNow()
        } catch {
            log.critical("cannot start: \(error)")
            ExitCode.failed.exit()
        }
    }
}
