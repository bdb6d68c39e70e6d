internal import Configuration
internal import DaemonKit
internal import Linux
internal import Logging

/// The programs that the supervisor starts, and what each of them does first.
public enum ChildProgram: String, Sendable {
    case worker = "millrace-worker"
    case collector = "millrace-collector"
    case gateway = "millrace-gateway"

    /// Reads the launch context, sets the attributes of this process and starts its log. Exits with a message when a user
    /// has started the program, or after `--version`. Call it before the first thread starts.
    /// - Parameter libraries: names and versions of the libraries that the program uses.
    public func begin(libraries: () -> [String]) -> LaunchContext {
        // The page faults that this costs do not belong on the path of a share.
        if self != .worker { Allocator.returnFreedMemory() }
        let launchContext = LaunchContext.inherited(by: self, libraries: libraries)
        let settings = launchContext.settings
        LogOutput.start(
            process: label(launchContext), format: launchContext.logsJSON ? .json : .text,
            level: settings.isVerbose ? .debug : .info, colors: settings.usesColors, file: settings.logFile,
            syslog: settings.usesSyslog, secrets: settings.secrets)
        return launchContext
    }

    /// The name of the process in log lines.
    private func label(_ launchContext: LaunchContext) -> String {
        switch self {
        case .worker: "shard \(launchContext.shard ?? 0)"
        case .collector: "collector"
        case .gateway: "gateway"
        }
    }

    /// The value added to oom_score_adj, in thousandths of the memory: when memory runs out, the kernel kills processes
    /// with a higher value first, and the supervisor and the anchors last.
    var oomScore: Int32 {
        switch self {
        case .worker: 100
        case .collector: 200
        case .gateway: 300
        }
    }
}
