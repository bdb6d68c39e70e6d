public import Foundation

/// What /proc says of a process.
public enum ProcessFiles {
    /// Resident memory in KiB; 0 when it is gone.
    /// - Parameter kind: "VmRSS", or "RssAnon" for what is the process's alone: the log of inputs that a shard keeps for its
    ///   successor is shared memory, of which it holds between nothing and some megabytes.
    public static func memory(of pid: pid_t, _ kind: String = "VmRSS") -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(kind + ":") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    public static func openDescriptorCount(of pid: pid_t) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    /// The fields of /proc/PID/stat that follow the name: the state, the parent, …; empty when it is gone.
    public static func stat(of pid: pid_t) -> [Substring] {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ") ?? []
    }

    /// Whether it runs: neither gone nor waiting to be reaped.
    public static func isAlive(_ pid: pid_t) -> Bool {
        let state = stat(of: pid).first
        return state != nil && state != "Z"
    }
}
