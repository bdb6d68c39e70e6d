internal import Archive
internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Logging

@main enum Main {
    static func main() {
        let launchContext = ChildProgram.collector.begin {
            ["libuv \(Loop.libuvVersion)", "libzmq \(BusContext.zeroMQVersion)", "sqlite \(Archive.sqliteVersion)"]
        }
        let settings = launchContext.settings
        do {
            let loop = try Loop()
            let collector = try Collector(
                on: loop, lifeline: Lifeline(descriptor: Lifeline.inheritedDescriptor),
                runDirectory: settings.runDirectory, shardCount: settings.shards,
                serviceStartedAt: launchContext.serviceStartedAt,
                options: Persistence.Options(
                    path: settings.database, historyDays: settings.historyDays,
                    forgetWorkersDays: settings.forgetWorkersDays),
                printSeconds: settings.printSeconds)
            try collector.run()
            ExitCode.stopped.exit()
        } catch {
            Logger(label: "collector").critical("\(error)")
            ExitCode.cannotListen.exit()
        }
    }
}
